// Values of wasm types, as they are typed in.
import type { Value } from "../worker/messages";

const INTEGER = /^[-+]?(?:\d+|0x[0-9a-f]+|0b[01]+)$/i;

/** Why a page cannot pass or receive a value of this type; null when it can. */
export function findObstacle(params: readonly string[], results: readonly string[]): string | null {
  for (const type of [...params, ...results]) {
    if (type === "v128") return "v128 has no JavaScript value, so a page cannot pass or receive it";
    if (type.startsWith("…")) return "it has more parameters than are listed";
  }
  const foreign = params.find((type) => !isTypable(type));
  return foreign ? `a value of type ${foreign} cannot be typed in` : null;
}

function isTypable(type: string): boolean {
  return type in HINTS;
}

const HINTS: Readonly<Record<string, string>> = {
  i32: "integer, 0x… too",
  i64: "integer, 0x… too",
  f32: "number, inf, nan",
  f64: "number, inf, nan",
  externref: "text, or empty for null",
  funcref: "always null",
};

export function describeInput(type: string): string {
  return HINTS[type] ?? type;
}

/** @throws Error that says what would have been right. */
export function parseValue(type: string, typed: string): Value {
  const text = typed.trim().replaceAll("_", "");
  if (type === "externref") return typed === "" ? null : typed;
  if (type === "funcref") return null;
  if (type === "i32") return Number(BigInt.asIntN(32, parseInteger(text, 32n)));
  if (type === "i64") return BigInt.asIntN(64, parseInteger(text, 64n));
  return parseFloating(text);
}

function parseInteger(text: string, bits: bigint): bigint {
  if (!INTEGER.test(text)) throw new Error(text ? `“${text}” is not an integer` : "an integer is needed");
  const negative = text.startsWith("-");
  const size = BigInt(text.replace(/^[-+]/, ""));
  const value = negative ? -size : size;
  if (value < -(1n << (bits - 1n)) || value >= 1n << bits) throw new Error(`${text} does not fit ${bits} bits`);
  return value;
}

function parseFloating(text: string): number {
  const word = text.toLowerCase().replace(/^[-+]/, "");
  const sign = text.startsWith("-") ? -1 : 1;
  if (word === "inf" || word === "infinity") return sign * Number.POSITIVE_INFINITY;
  if (word === "nan") return Number.NaN;
  const value = Number(text);
  if (text === "" || Number.isNaN(value)) throw new Error(text ? `“${text}” is not a number` : "a number is needed");
  return value;
}
