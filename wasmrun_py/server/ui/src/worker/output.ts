// Output on its way to the page: at once while it is little, in large pieces when it is a flood.
import type { Stream } from "./messages";

const PIECE_BYTES = 1 << 16;
const WINDOW_MS = 100;
// So many small messages a window cost nothing; a program that prints more is not being read line by line.
const MOST_SMALL_MESSAGES = 500;

type Send = (stream: Stream, bytes: Uint8Array<ArrayBuffer>) => void;

export class Output {
  readonly #send: Send;
  #buffer = new Uint8Array(PIECE_BYTES);
  #used = 0;
  #stream: Stream = "stdout";
  #windowStart = 0;
  #small = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  write(stream: Stream, data: Uint8Array): void {
    if (stream !== this.#stream) {
      this.flush();
      this.#stream = stream;
    }
    for (let taken = 0; taken < data.length; ) {
      const piece = data.subarray(taken, taken + PIECE_BYTES - this.#used);
      this.#buffer.set(piece, this.#used);
      this.#used += piece.length;
      taken += piece.length;
      if (this.#used === PIECE_BYTES) this.flush();
    }
    if (this.#maySendNow()) this.flush();
  }

  note(text: string): void {
    this.write("note", new TextEncoder().encode(`${text}\n`));
    this.flush();
  }

  flush(): void {
    if (this.#used === 0) return;
    this.#send(this.#stream, this.#buffer.slice(0, this.#used));
    this.#used = 0;
  }

  #maySendNow(): boolean {
    const now = performance.now();
    if (now - this.#windowStart > WINDOW_MS) {
      this.#windowStart = now;
      this.#small = 0;
    }
    this.#small += 1;
    return this.#small <= MOST_SMALL_MESSAGES;
  }
}
