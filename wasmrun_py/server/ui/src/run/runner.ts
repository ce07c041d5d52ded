// One run of a WASI command at a time, in a worker that can be ended.
import type { RunMessage, RunRequest, Stream, Trap } from "../worker/messages";

export type RunStatus =
  | { readonly phase: "idle" }
  | { readonly phase: "loading" }
  | { readonly phase: "running"; readonly since: number }
  | { readonly phase: "exited"; readonly code: number; readonly duration_ms: number }
  | { readonly phase: "trapped"; readonly trap: Trap; readonly duration_ms: number }
  | { readonly phase: "stopped"; readonly duration_ms: number }
  | { readonly phase: "unusable"; readonly message: string };

export class Runner {
  readonly #status: (status: RunStatus) => void;
  readonly #output: (stream: Stream, bytes: Uint8Array) => void;
  #worker: Worker | null = null;
  // A worker takes longer to start than most programs to run: the next one is ready before it is needed.
  #spare: Worker | null = null;
  #since = 0;

  constructor(status: (status: RunStatus) => void, output: (stream: Stream, bytes: Uint8Array) => void) {
    this.#status = status;
    this.#output = output;
  }

  run(request: RunRequest): void {
    this.#end();
    const worker = this.#spare ?? startWorker();
    this.#spare = null;
    this.#worker = worker;
    this.#since = performance.now();
    worker.addEventListener("message", (event: MessageEvent<RunMessage>) => this.#hear(event.data));
    worker.addEventListener("error", (event) => {
      this.#end();
      this.#status({ phase: "unusable", message: event.message || "the worker could not be started" });
    });
    this.#status({ phase: "loading" });
    worker.postMessage(request);
  }

  stop(): void {
    if (!this.#worker) return;
    this.#end();
    this.#spare ??= startWorker();
    this.#status({ phase: "stopped", duration_ms: performance.now() - this.#since });
  }

  dispose(): void {
    this.#end();
    this.#spare?.terminate();
    this.#spare = null;
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #hear(message: RunMessage): void {
    if (!this.#worker) return;
    if (message.type === "output") return this.#output(message.stream, message.bytes);
    if (message.type === "started") {
      this.#since = performance.now();
      return this.#status({ phase: "running", since: this.#since });
    }
    this.#end();
    this.#spare ??= startWorker();
    const { type } = message;
    if (type === "exit") this.#status({ phase: "exited", code: message.code, duration_ms: message.duration_ms });
    else if (type === "trap") this.#status({ phase: "trapped", trap: message.trap, duration_ms: message.duration_ms });
    else this.#status({ phase: "unusable", message: message.message });
  }
}

function startWorker(): Worker {
  return new Worker(new URL("../worker/run.worker.ts", import.meta.url), { type: "module" });
}
