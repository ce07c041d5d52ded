// Keeps one instance and calls its exports. The page ends this worker to stop a call that does not return.
import { WASIProcExit } from "@bjorn3/browser_wasi_shim";
import type { CallMessage, CallRequest, Observed, Value } from "./messages";
import { compile, instantiate, type Loaded } from "./module";
import { Output } from "./output";
import { deepenStacks, describeTrap } from "./trap";
import { makeWasi } from "./wasi_host";

const scope = self as unknown as DedicatedWorkerGlobalScope;
const MOST_OBSERVED = 40;

function tell(message: CallMessage, transfer: Transferable[] = []): void {
  scope.postMessage(message, transfer);
}

const output = new Output((stream, bytes) => tell({ type: "output", stream, bytes }, [bytes.buffer]));
let loaded: Loaded | null = null;

async function load(url: string, token: string): Promise<void> {
  deepenStacks();
  try {
    const wasi = makeWasi({ args: [url.split("/").at(-1) ?? ""], env: [], stdin: "" }, output);
    loaded = await instantiate(await compile(url), wasi, output, token);
    const { instance, memory } = loaded;
    // A reactor is made ready here; a command is not started.
    wasi.initialize({ exports: { ...instance.exports, memory: memory ?? new WebAssembly.Memory({ initial: 0 }) } });
    output.flush();
    tell({ type: "loaded", observed: observe(instance) });
  } catch (thrown) {
    output.flush();
    tell({ type: "unusable", ...describeTrap(thrown) });
  }
}

function call(id: number, name: string, args: readonly Value[]): void {
  const start = performance.now();
  try {
    const called = loaded?.instance.exports[name];
    if (typeof called !== "function") throw new Error(`there is no function ${name}`);
    const result: unknown = called(...args);
    const duration_ms = performance.now() - start;
    output.flush();
    const values = result === undefined ? [] : Array.isArray(result) ? result : [result];
    const observed = loaded ? observe(loaded.instance) : [];
    tell({ type: "returned", id, values: values.map(describe), duration_ms, observed });
  } catch (thrown) {
    const duration_ms = performance.now() - start;
    output.flush();
    if (thrown instanceof WASIProcExit) tell({ type: "exited", id, code: thrown.code, duration_ms });
    else tell({ type: "trapped", id, trap: describeTrap(thrown), duration_ms });
  }
}

function describe(value: unknown): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value === "object" && value !== null) return "a reference";
  return String(value);
}

function observe(instance: WebAssembly.Instance): Observed[] {
  const seen: Observed[] = [];
  for (const [name, value] of Object.entries(instance.exports)) {
    if (seen.length >= MOST_OBSERVED) break;
    if (value instanceof WebAssembly.Global) seen.push({ name, kind: "global", value: readGlobal(value) });
    if (value instanceof WebAssembly.Memory) seen.push({ name, kind: "memory", value: String(value.buffer.byteLength) });
    if (value instanceof WebAssembly.Table) seen.push({ name, kind: "table", value: String(value.length) });
  }
  return seen;
}

function readGlobal(global: WebAssembly.Global): string {
  try {
    return describe(global.value);
  } catch {
    return "v128"; // No value of JavaScript's.
  }
}

scope.addEventListener("message", (event: MessageEvent<CallRequest>) => {
  const request = event.data;
  if (request.type === "load") void load(request.url, request.token);
  else call(request.id, request.name, request.args);
});
