// Calls of a module's exports, one after another, in a worker that keeps the instance between them.
import { getToken } from "../api";
import type { CallMessage, CallRequest, Frame, Observed, Stream, Trap, Value } from "../worker/messages";

export type Outcome =
  | { readonly kind: "running" }
  | { readonly kind: "returned"; readonly values: readonly string[]; readonly duration_ms: number }
  | { readonly kind: "trapped"; readonly trap: Trap; readonly duration_ms: number }
  | { readonly kind: "exited"; readonly code: number; readonly duration_ms: number }
  | { readonly kind: "stopped"; readonly duration_ms: number };

export interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: readonly string[];
  readonly results: readonly string[];
  readonly outcome: Outcome;
  readonly output: readonly { readonly stream: Stream; readonly text: string }[];
}

export interface CallsState {
  readonly phase: "none" | "loading" | "ready" | "unusable";
  readonly message: string;
  readonly frames: readonly Frame[];
  readonly observed: readonly Observed[];
  /** Newest first. */
  readonly calls: readonly Call[];
}

export const NO_CALLS: CallsState = { phase: "none", message: "", frames: [], observed: [], calls: [] };
const MOST_CALLS = 100;
const MOST_OUTPUT = 40_000;

export class Calls {
  readonly #show: (state: CallsState) => void;
  #state = NO_CALLS;
  #worker: Worker | null = null;
  #url = "";
  #next = 1;
  #since = 0;
  #running: number | null = null;
  #decoder = new TextDecoder();

  constructor(show: (state: CallsState) => void) {
    this.#show = show;
  }

  /** A fresh instance of the module at `url`; the history stays. */
  load(url: string): void {
    this.#end();
    this.#url = url;
    this.#change({ phase: "loading", message: "", frames: [], observed: [] });
    const worker = new Worker(new URL("../worker/calls.worker.ts", import.meta.url), { type: "module" });
    this.#worker = worker;
    worker.addEventListener("message", (event: MessageEvent<CallMessage>) => this.#hear(event.data));
    worker.addEventListener("error", (event) => this.#change({ phase: "unusable", message: event.message }));
    this.#say({ type: "load", url, token: getToken() });
  }

  call(name: string, args: readonly Value[], typed: readonly string[], results: readonly string[]): void {
    const id = this.#next;
    this.#next += 1;
    this.#running = id;
    this.#since = performance.now();
    this.#decoder = new TextDecoder();
    const call: Call = { id, name, args: typed, results, outcome: { kind: "running" }, output: [] };
    this.#change({ calls: [call, ...this.#state.calls].slice(0, MOST_CALLS) });
    this.#say({ type: "call", id, name, args });
  }

  /** End a call that does not return; its instance goes with it. */
  stop(): void {
    const id = this.#running;
    if (id === null) return;
    this.#finish(id, { kind: "stopped", duration_ms: performance.now() - this.#since });
    this.load(this.#url);
  }

  clear(): void {
    this.#change({ calls: this.#state.calls.filter((call) => call.outcome.kind === "running") });
  }

  dispose(): void {
    this.#end();
  }

  #end(): void {
    if (this.#running !== null) {
      this.#finish(this.#running, { kind: "stopped", duration_ms: performance.now() - this.#since });
    }
    this.#worker?.terminate();
    this.#worker = null;
  }

  #say(request: CallRequest): void {
    this.#worker?.postMessage(request);
  }

  #hear(message: CallMessage): void {
    switch (message.type) {
      case "loaded":
        return this.#change({ phase: "ready", observed: message.observed });
      case "unusable":
        return this.#change({ phase: "unusable", message: message.message, frames: message.frames });
      case "output":
        return this.#append(message.stream, message.bytes);
      case "returned":
        this.#change({ observed: message.observed });
        return this.#finish(message.id, { kind: "returned", values: message.values, duration_ms: message.duration_ms });
      case "trapped":
        return this.#finish(message.id, { kind: "trapped", trap: message.trap, duration_ms: message.duration_ms });
      case "exited":
        return this.#finish(message.id, { kind: "exited", code: message.code, duration_ms: message.duration_ms });
    }
  }

  #append(stream: Stream, bytes: Uint8Array): void {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#edit(this.#running, (call) => {
      const last = call.output.at(-1);
      const kept = last?.stream === stream ? call.output.slice(0, -1) : call.output;
      const joined = (last?.stream === stream ? last.text : "") + text;
      return { ...call, output: [...kept, { stream, text: joined.slice(-MOST_OUTPUT) }].slice(-50) };
    });
  }

  #finish(id: number, outcome: Outcome): void {
    if (this.#running === id) this.#running = null;
    this.#edit(id, (call) => ({ ...call, outcome }));
  }

  #edit(id: number | null, edit: (call: Call) => Call): void {
    this.#change({ calls: this.#state.calls.map((call) => (call.id === id ? edit(call) : call)) });
  }

  #change(change: Partial<CallsState>): void {
    this.#state = { ...this.#state, ...change };
    this.#show(this.#state);
  }
}
