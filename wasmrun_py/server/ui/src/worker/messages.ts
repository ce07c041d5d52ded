// What the page and its workers say to each other.

export interface Frame {
  /** The function's name, where the module has names. */
  readonly name: string | null;
  readonly index: number | null;
  /** Byte offset in the module's file. */
  readonly offset: number | null;
}

export interface Trap {
  readonly message: string;
  readonly frames: readonly Frame[];
}

export type Stream = "stdout" | "stderr" | "note";

export interface RunRequest {
  readonly url: string;
  readonly token: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly stdin: string;
}

export type RunMessage =
  | { readonly type: "output"; readonly stream: Stream; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "started"; readonly load_ms: number }
  | { readonly type: "exit"; readonly code: number; readonly duration_ms: number }
  | { readonly type: "trap"; readonly trap: Trap; readonly duration_ms: number }
  | { readonly type: "unusable"; readonly message: string };

/** A wasm value as it crosses to a worker: i64 as bigint, references as they are. */
export type Value = number | bigint | string | null | undefined;

export type CallRequest =
  | { readonly type: "load"; readonly url: string; readonly token: string }
  | { readonly type: "call"; readonly id: number; readonly name: string; readonly args: readonly Value[] };

export interface Observed {
  readonly name: string;
  readonly kind: "global" | "memory" | "table";
  readonly value: string;
}

export type CallMessage =
  | { readonly type: "loaded"; readonly observed: readonly Observed[] }
  | { readonly type: "unusable"; readonly message: string; readonly frames: readonly Frame[] }
  | { readonly type: "output"; readonly stream: Stream; readonly bytes: Uint8Array<ArrayBuffer> }
  | {
      readonly type: "returned";
      readonly id: number;
      readonly values: readonly string[];
      readonly duration_ms: number;
      readonly observed: readonly Observed[];
    }
  | { readonly type: "trapped"; readonly id: number; readonly trap: Trap; readonly duration_ms: number }
  | { readonly type: "exited"; readonly id: number; readonly code: number; readonly duration_ms: number };
