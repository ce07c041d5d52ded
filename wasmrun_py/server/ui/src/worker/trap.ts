// What stopped a module, in words, with the wasm part of the stack. Each engine writes its stacks its own way.
import type { Frame, Trap } from "./messages";

const MOST_FRAMES = 100;
const PLACE = /wasm-function\[(\d+)\]:0x([0-9a-f]+)/;
const NAME = /^\s*(?:at\s+)?(.*?)\s*(?:[@(]|https?:|wasm:)/;

export function deepenStacks(): void {
  // V8 keeps ten frames unless told otherwise.
  (Error as unknown as { stackTraceLimit: number }).stackTraceLimit = MOST_FRAMES;
}

export function describeTrap(thrown: unknown): Trap {
  if (!(thrown instanceof Error)) return { message: `it threw ${String(thrown)}`, frames: [] };
  return { message: nameProblem(thrown), frames: parseFrames(thrown.stack ?? "") };
}

function nameProblem(error: Error): string {
  if (error instanceof RangeError && /call stack/i.test(error.message)) return "call stack exhausted";
  if (error.constructor.name === "Exception") return "an exception was thrown and not caught";
  return error.message || error.name;
}

function parseFrames(stack: string): Frame[] {
  const frames: Frame[] = [];
  for (const line of stack.split("\n")) {
    const place = PLACE.exec(line);
    if (!place) continue;
    const name = NAME.exec(line)?.[1] ?? "";
    frames.push({
      name: name.replace(/^.*\.(?=[^.]+$)/, (prefix) => (/^(Module|Object)\./.test(prefix) ? "" : prefix)) || null,
      index: Number(place[1]),
      offset: Number.parseInt(place[2] ?? "0", 16),
    });
  }
  return frames;
}
