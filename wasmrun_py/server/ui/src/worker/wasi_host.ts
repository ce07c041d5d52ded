// WASI preview 1 for one instance: the shim, with what a browser's worker can do better than it.
import { ConsoleStdout, type Fd, File, OpenFile, PreopenDirectory, WASI } from "@bjorn3/browser_wasi_shim";
import type { Output } from "./output";

const SUCCESS = 0;
const NOT_SUPPORTED = 58;
const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const CLOCK = 0;
const ABSOLUTE_TIME = 1;
const REALTIME = 0;

export interface Guest {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly stdin: string;
}

export type HostFunction = (...args: never[]) => unknown;

export function makeWasi(guest: Guest, output: Output): WASI {
  const fds: Fd[] = [
    new OpenFile(new File(new TextEncoder().encode(guest.stdin), { readonly: true })),
    new ConsoleStdout((bytes) => output.write("stdout", bytes)),
    new ConsoleStdout((bytes) => output.write("stderr", bytes)),
    // Files live as long as the run: an empty folder in memory.
    new PreopenDirectory("/", new Map()),
  ];
  const wasi = new WASI([...guest.args], [...guest.env], fds, { debug: false });
  const memory = (): DataView => new DataView(wasi.inst.exports.memory.buffer);
  const improved: Record<string, HostFunction> = {
    args_sizes_get: (count: number, size: number) => writeSizes(memory(), guest.args, count, size),
    poll_oneoff: (subscriptions: number, events: number, count: number, written: number) => {
      output.flush();
      return poll(memory(), subscriptions, events, count, written);
    },
    sched_yield: () => SUCCESS,
    random_get: (start: number, size: number) => fillRandomly(wasi.inst.exports.memory.buffer, start, size),
    ...Object.fromEntries(
      ["sock_recv", "sock_send", "sock_shutdown", "sock_accept"].map((name) => [name, () => NOT_SUPPORTED]),
    ),
  };
  Object.assign(wasi.wasiImport, improved);
  return wasi;
}

/** In bytes, not in UTF-16 units: a guest writes the strings into a buffer of the size it is told. */
function writeSizes(view: DataView, strings: readonly string[], count: number, size: number): number {
  const bytes = strings.reduce((sum, each) => sum + new TextEncoder().encode(each).length + 1, 0);
  view.setUint32(count, strings.length, true);
  view.setUint32(size, bytes, true);
  return SUCCESS;
}

/** Random bytes go through a copy: the browser refuses to fill shared memory. */
function fillRandomly(buffer: ArrayBufferLike, start: number, size: number): number {
  const target = new Uint8Array(buffer, start, size);
  for (let done = 0; done < size; done += 65536) {
    target.set(crypto.getRandomValues(new Uint8Array(Math.min(65536, size - done))), done);
  }
  return SUCCESS;
}

/** Files are always ready; without one, the earliest clock is slept for rather than spun for. */
function poll(view: DataView, subscriptions: number, events: number, count: number, written: number): number {
  const ready: { at: number; tag: number }[] = [];
  let earliest = Number.POSITIVE_INFINITY;
  const clocks: { at: number; wait: number }[] = [];
  for (let place = 0; place < count; place += 1) {
    const at = subscriptions + place * SUBSCRIPTION_BYTES;
    const tag = view.getUint8(at + 8);
    if (tag !== CLOCK) {
      ready.push({ at, tag });
      continue;
    }
    const wait = readWait(view, at);
    clocks.push({ at, wait });
    earliest = Math.min(earliest, wait);
  }
  if (!ready.length) {
    sleep(earliest);
    ready.push(...clocks.filter((clock) => clock.wait <= earliest).map(({ at }) => ({ at, tag: CLOCK })));
  }
  ready.forEach(({ at, tag }, place) => {
    const event = events + place * EVENT_BYTES;
    for (let byte = 0; byte < EVENT_BYTES; byte += 8) view.setBigUint64(event + byte, 0n, true);
    view.setBigUint64(event, view.getBigUint64(at, true), true);
    view.setUint8(event + 10, tag);
  });
  view.setUint32(written, ready.length, true);
  return SUCCESS;
}

function readWait(view: DataView, at: number): number {
  const ms = Number(view.getBigUint64(at + 24, true)) / 1e6;
  if (!(view.getUint16(at + 40, true) & ABSOLUTE_TIME)) return ms;
  return ms - (view.getUint32(at + 16, true) === REALTIME ? Date.now() : performance.now());
}

function sleep(ms: number): void {
  if (!(ms > 0)) return;
  const end = performance.now() + ms;
  try {
    // Shared memory is there as wasm memory even where the page may not share it with anybody.
    const cell = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
    Atomics.wait(new Int32Array(cell), 0, 0, ms);
  } catch {
    while (performance.now() < end);
  }
}
