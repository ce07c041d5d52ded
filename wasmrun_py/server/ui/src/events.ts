// The event stream: a POST read as server-sent events, reopened for as long as the page lives.
import { BASE, type DevState, getToken } from "./api";

export interface Change {
  readonly generation: number;
  readonly changed: readonly string[];
}

export interface Listener {
  state?(state: DevState): void;
  reload?(change: Change): void;
  css?(change: Change): void;
  log?(lines: { build: number; lines: readonly string[] }): void;
  /** The server went away, or came back. */
  connected?(connected: boolean): void;
}

const SHORTEST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;
// A browser opens six connections to one server; pages in the background must not keep them all.
const HIDDEN_FOR_MS = 30_000;
const RENEWED_AT = "wasmrun:renewed-at";
const RENEWAL_PAUSE_MS = 5000;

/** Listen until the page goes. */
export function listen(listener: Listener): void {
  void keepListening(listener);
}

async function keepListening(listener: Listener): Promise<void> {
  let wait = SHORTEST_WAIT_MS;
  for (;;) {
    await untilVisible();
    const leave = new AbortController();
    const watch = leaveWhenHidden(leave);
    try {
      const answer = await fetch(`${BASE}events`, {
        method: "POST",
        headers: { "X-Wasmrun-Token": getToken(), Accept: "text/event-stream" },
        cache: "no-store",
        signal: leave.signal,
      });
      // A new server has a new token, which a new page carries.
      if (answer.status === 401 || answer.status === 403) renewPage();
      if (answer.ok && answer.body) {
        wait = SHORTEST_WAIT_MS;
        listener.connected?.(true);
        await readEvents(answer.body, listener);
      }
    } catch {
      // The server is gone, or the page was hidden: what follows is the same.
    } finally {
      watch();
    }
    if (!leave.signal.aborted) {
      listener.connected?.(false);
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 1.6, LONGEST_WAIT_MS);
    }
  }
}

function renewPage(): void {
  try {
    const last = Number(sessionStorage.getItem(RENEWED_AT) ?? 0);
    if (Date.now() - last < RENEWAL_PAUSE_MS) return;
    sessionStorage.setItem(RENEWED_AT, String(Date.now()));
  } catch {
    return; // Without storage nothing would end a row of reloads.
  }
  location.reload();
}

function untilVisible(): Promise<void> {
  if (document.visibilityState === "visible") return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.visibilityState !== "visible") return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });
}

function leaveWhenHidden(leave: AbortController): () => void {
  let timer = 0;
  const look = (): void => {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") timer = window.setTimeout(() => leave.abort(), HIDDEN_FOR_MS);
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}

async function readEvents(body: ReadableStream<Uint8Array>, listener: Listener): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true }).replaceAll("\r\n", "\n");
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) tell(listener, event.name, event.data);
    }
  }
}

/** One block of the stream; null for a comment that only keeps the connection open. */
function parseEvent(block: string): { name: string; data: string } | null {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { name, data: data.join("\n") } : null;
}

function tell(listener: Listener, name: string, data: string): void {
  const value: unknown = JSON.parse(data);
  if (name === "state") listener.state?.(value as DevState);
  else if (name === "reload") listener.reload?.(value as Change);
  else if (name === "css") listener.css?.(value as Change);
  else if (name === "log") listener.log?.(value as { build: number; lines: readonly string[] });
}
