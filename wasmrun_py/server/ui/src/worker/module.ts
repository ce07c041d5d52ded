// From a module's address to an instance: WASI from the shim, AssemblyScript's few imports, and stubs that say
// that they were called for everything else.
import type { WASI } from "@bjorn3/browser_wasi_shim";
import type { Extern, ModuleView } from "../api";
import type { Output } from "./output";

const WASI_MODULE = "wasi_snapshot_preview1";
const MOST_NOTES = 50;

export interface Loaded {
  readonly instance: WebAssembly.Instance;
  readonly memory: WebAssembly.Memory | null;
}

export async function compile(url: string): Promise<WebAssembly.Module> {
  // Asks the server whether the one in the cache is still it.
  const answer = await fetch(url, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`the server answered ${answer.status} for ${url}`);
  if (answer.headers.get("Content-Type")?.startsWith("application/wasm")) {
    return WebAssembly.compileStreaming(answer);
  }
  return WebAssembly.compile(await answer.arrayBuffer());
}

export async function instantiate(
  module: WebAssembly.Module,
  wasi: WASI,
  output: Output,
  token: string,
): Promise<Loaded> {
  const wanted = WebAssembly.Module.imports(module);
  let memory: WebAssembly.Memory | null = null;
  const known: Record<string, Record<string, unknown>> = {
    [WASI_MODULE]: wasi.wasiImport,
    env: makeAssemblyScriptImports(() => memory, output),
  };
  const missing = wanted.filter((each) => each.kind !== "function" || !(each.name in (known[each.module] ?? {})));
  const types = missing.length ? await loadTypes(token) : new Map<string, Extern>();
  const imports: WebAssembly.Imports = {};
  for (const each of wanted) {
    const type = types.get(`${each.module}\0${each.name}`);
    const shaped = each.kind === "function" && isAssemblyScripts(each, type) ? known[each.module]?.[each.name] : undefined;
    const value = (shaped ?? makeStub(each, type, output)) as WebAssembly.ImportValue;
    if (value instanceof WebAssembly.Memory) memory = value;
    (imports[each.module] ??= {})[each.name] = value;
  }
  const instance = await WebAssembly.instantiate(module, imports);
  const exported = instance.exports["memory"];
  if (exported instanceof WebAssembly.Memory) memory = exported;
  return { instance, memory };
}

/** A C library may import an `env.abort` of its own; AssemblyScript's takes four numbers. */
function isAssemblyScripts(each: WebAssembly.ModuleImportDescriptor, type: Extern | undefined): boolean {
  return !(each.module === "env" && each.name === "abort" && type && type.params?.length !== 4);
}

async function loadTypes(token: string): Promise<Map<string, Extern>> {
  const answer = await fetch("/_wasmrun/module", { headers: { "X-Wasmrun-Token": token }, cache: "no-store" });
  if (!answer.ok) throw new Error(`the server could not describe the module's imports (${answer.status})`);
  const view = (await answer.json()) as ModuleView;
  return new Map(view.imports.map((each) => [`${each.module ?? ""}\0${each.name}`, each]));
}

function makeStub(
  wanted: WebAssembly.ModuleImportDescriptor,
  type: Extern | undefined,
  output: Output,
): unknown {
  const name = `${wanted.module}.${wanted.name}`;
  const words = type?.type ?? "";
  if (wanted.kind === "function") return makeFunctionStub(name, type?.results ?? [], output);
  if (wanted.kind === "memory") {
    const { min, max } = type?.limits ?? { min: 1, max: null };
    return new WebAssembly.Memory({
      initial: min,
      ...(max === null ? {} : { maximum: max }),
      shared: words.includes("shared"),
    });
  }
  if (wanted.kind === "table") {
    const { min, max } = type?.limits ?? { min: 0, max: null };
    const element = words.startsWith("externref") ? "externref" : "anyfunc";
    return new WebAssembly.Table({ element, initial: min, ...(max === null ? {} : { maximum: max }) });
  }
  if (wanted.kind === "global") {
    const [mutability, value = "i32"] = words.split(" ");
    const kind = value as WebAssembly.ValueType;
    return new WebAssembly.Global({ value: kind, mutable: mutability === "mut" }, zeroOf(value));
  }
  return undefined;
}

function makeFunctionStub(name: string, results: readonly string[], output: Output): () => unknown {
  let notes = 0;
  return (...args: unknown[]) => {
    notes += 1;
    if (notes <= MOST_NOTES) {
      const answer = results.length ? `; the stub answered ${results.map(zeroOf).map(String).join(", ")}` : "";
      output.note(`${name}(${args.map(String).join(", ")}) was called${answer}`);
      if (notes === MOST_NOTES) output.note(`${name} is called often: not told any more`);
    }
    return results.length > 1 ? results.map(zeroOf) : zeroOf(results[0] ?? "");
  };
}

function zeroOf(type: string): number | bigint | null | undefined {
  if (type === "i64") return 0n;
  if (type === "") return undefined;
  return type === "i32" || type === "f32" || type === "f64" ? 0 : null;
}

/** What AssemblyScript's compiler imports of its own accord; its strings are UTF-16 with their size before them. */
function makeAssemblyScriptImports(
  memory: () => WebAssembly.Memory | null,
  output: Output,
): Record<string, unknown> {
  const text = (pointer: number): string => {
    const buffer = memory()?.buffer;
    if (!buffer || !pointer || pointer < 4 || pointer >= buffer.byteLength) return "";
    const bytes = Math.min(new DataView(buffer).getUint32(pointer - 4, true), buffer.byteLength - pointer, 1 << 16);
    return new TextDecoder("utf-16le").decode(new Uint8Array(buffer, pointer, bytes & ~1).slice());
  };
  const say = (stream: "stdout" | "stderr") => (pointer: number) =>
    output.write(stream, new TextEncoder().encode(`${text(pointer)}\n`));
  return {
    abort: (message: number, file: number, line: number, column: number) => {
      throw new WebAssembly.RuntimeError(`abort: ${text(message) || "no message"} at ${text(file)}:${line}:${column}`);
    },
    trace: (message: number, count: number, ...numbers: number[]) => {
      const shown = numbers.slice(0, count).join(", ");
      output.write("stderr", new TextEncoder().encode(`trace: ${text(message)}${shown && ` ${shown}`}\n`));
    },
    seed: () => Date.now() * Math.random(),
    "console.log": say("stdout"),
    "console.info": say("stdout"),
    "console.debug": say("stdout"),
    "console.warn": say("stderr"),
    "console.error": say("stderr"),
  };
}
