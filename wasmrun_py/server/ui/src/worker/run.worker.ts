// Runs one WASI command from its beginning to its end. The page ends this worker to stop it.
import { compile, instantiate } from "./module";
import type { RunMessage, RunRequest } from "./messages";
import { Output } from "./output";
import { deepenStacks, describeTrap } from "./trap";
import { makeWasi } from "./wasi_host";

const scope = self as unknown as DedicatedWorkerGlobalScope;

function tell(message: RunMessage, transfer: Transferable[] = []): void {
  scope.postMessage(message, transfer);
}

async function run(request: RunRequest): Promise<void> {
  deepenStacks();
  const output = new Output((stream, bytes) => tell({ type: "output", stream, bytes }, [bytes.buffer]));
  const before = performance.now();
  let start = before;
  try {
    const wasi = makeWasi(request, output);
    const { instance, memory } = await instantiate(await compile(request.url), wasi, output, request.token);
    start = performance.now();
    tell({ type: "started", load_ms: start - before });
    const exports = instance.exports as { _start: () => unknown };
    const code = runToEnd(wasi, exports, memory, output);
    tell({ type: "exit", code, duration_ms: performance.now() - start });
  } catch (thrown) {
    output.flush();
    const trap = describeTrap(thrown);
    const ran = start !== before || trap.frames.length > 0;
    if (ran) tell({ type: "trap", trap, duration_ms: performance.now() - start });
    else tell({ type: "unusable", message: trap.message });
  }
}

function runToEnd(
  wasi: ReturnType<typeof makeWasi>,
  exports: { _start: () => unknown },
  memory: WebAssembly.Memory | null,
  output: Output,
): number {
  try {
    // A program may import its memory, or have none at all.
    return wasi.start({ exports: { _start: exports._start, memory: memory ?? new WebAssembly.Memory({ initial: 0 }) } });
  } finally {
    output.flush();
  }
}

scope.addEventListener("message", (event: MessageEvent<RunRequest>) => void run(event.data));
