// A terminal that stays alive under a flood: what arrives faster than it can be drawn falls out in the middle,
// and what is drawn is also kept as plain text for screen readers (and tests).
import { FitAddon } from "@xterm/addon-fit";
import { type ITheme, Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { formatBytes } from "../parts/format";
import type { Stream } from "../worker/messages";

const SCROLLBACK_LINES = 10_000;
const MOST_WAITING_BYTES = 2_000_000;
const PIECE_BYTES = 128_000;
const LOG_CHARACTERS = 60_000;
const LOG_PAUSE_MS = 120;
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f]/g;
const PAINT: Readonly<Record<Stream, readonly [string, string]>> = {
  stdout: ["", ""],
  stderr: ["\x1b[31m", "\x1b[39m"],
  note: ["\x1b[2m", "\x1b[22m"],
};

interface Piece {
  readonly stream: Stream;
  readonly bytes: Uint8Array;
}

export class TerminalView {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #log: HTMLElement;
  readonly #tellDropped: (bytes: number) => void;
  readonly #observer: ResizeObserver;
  #waiting: Piece[] = [];
  #waitingBytes = 0;
  #droppedBytes = 0;
  #droppedInAll = 0;
  #writing = false;
  #decoders = makeDecoders();
  #logged: { stream: Stream; text: string }[] = [];
  #logTimer = 0;
  #logIsStale = false;

  /** `tellDropped` hears how many bytes have not been shown so far. */
  constructor(holder: HTMLElement, log: HTMLElement, tellDropped: (bytes: number) => void) {
    this.#log = log;
    this.#tellDropped = tellDropped;
    this.#terminal = new Terminal({
      convertEol: true,
      disableStdin: true,
      cursorStyle: "bar",
      cursorInactiveStyle: "none",
      scrollback: SCROLLBACK_LINES,
      fontFamily: 'ui-monospace, "SF Mono", Menlo, "Cascadia Mono", Consolas, "DejaVu Sans Mono", monospace',
      fontSize: 13,
      lineHeight: 1.25,
      theme: readTheme(),
      minimumContrastRatio: 4.5,
    });
    this.#terminal.loadAddon(this.#fit);
    this.#terminal.open(holder);
    // Nothing is typed here: keys go on to the page, so that Tab leaves the terminal.
    this.#terminal.attachCustomKeyEventHandler(() => false);
    if (this.#terminal.textarea) this.#terminal.textarea.tabIndex = -1;
    this.#terminal.textarea?.setAttribute("aria-hidden", "true");
    this.#observer = new ResizeObserver(() => {
      if (holder.clientWidth > 0 && holder.clientHeight > 0) this.#fit.fit();
    });
    this.#observer.observe(holder);
  }

  write(stream: Stream, bytes: Uint8Array): void {
    this.#waiting.push({ stream, bytes });
    this.#waitingBytes += bytes.length;
    while (this.#waitingBytes > MOST_WAITING_BYTES && this.#waiting.length > 1) {
      const dropped = this.#waiting.shift()?.bytes.length ?? 0;
      this.#waitingBytes -= dropped;
      this.#droppedBytes += dropped;
    }
    if (!this.#writing) this.#drain();
  }

  note(text: string): void {
    this.write("note", new TextEncoder().encode(`${text}\n`));
  }

  clear(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#droppedBytes = 0;
    this.#droppedInAll = 0;
    this.#tellDropped(0);
    this.#decoders = makeDecoders();
    this.#logged = [];
    this.#log.replaceChildren();
    this.#terminal.reset();
  }

  scroll(key: string): boolean {
    if (key === "PageUp" || key === "PageDown") this.#terminal.scrollPages(key === "PageUp" ? -1 : 1);
    else if (key === "ArrowUp" || key === "ArrowDown") this.#terminal.scrollLines(key === "ArrowUp" ? -1 : 1);
    else if (key === "Home") this.#terminal.scrollToTop();
    else if (key === "End") this.#terminal.scrollToBottom();
    else return false;
    return true;
  }

  repaint(): void {
    this.#terminal.options.theme = readTheme();
  }

  dispose(): void {
    clearTimeout(this.#logTimer);
    this.#observer.disconnect();
    this.#terminal.dispose();
  }

  /** One piece a frame: the terminal says when it has taken it in, and the page breathes in between. */
  #drain(): void {
    const pieces = this.#take();
    this.#writing = pieces.length > 0;
    pieces.forEach(({ stream, bytes }, place) => {
      const [before, after] = PAINT[stream];
      this.#keepText(stream, bytes);
      if (before) this.#terminal.write(before);
      this.#terminal.write(bytes);
      const last = place === pieces.length - 1;
      this.#terminal.write(after, last ? () => setTimeout(() => this.#drain()) : undefined);
    });
  }

  #take(): Piece[] {
    const taken: Piece[] = [];
    if (this.#droppedBytes && this.#waiting.length) {
      this.#droppedInAll += this.#droppedBytes;
      this.#tellDropped(this.#droppedInAll);
      const words = `\n… ${formatBytes(this.#droppedBytes)} that came too fast are not shown …\n`;
      taken.push({ stream: "note", bytes: new TextEncoder().encode(words) });
      this.#droppedBytes = 0;
    }
    for (let bytes = 0; bytes < PIECE_BYTES && this.#waiting.length; ) {
      const piece = this.#waiting.shift();
      if (!piece) break;
      taken.push(piece);
      bytes += piece.bytes.length;
      this.#waitingBytes -= piece.bytes.length;
    }
    return taken;
  }

  #keepText(stream: Stream, bytes: Uint8Array): void {
    const text = this.#decoders[stream].decode(bytes, { stream: true }).replace(ESCAPES, "");
    const last = this.#logged.at(-1);
    if (last?.stream === stream && last.text.length < LOG_CHARACTERS) last.text += text;
    else this.#logged.push({ stream, text });
    let total = this.#logged.reduce((sum, each) => sum + each.text.length, 0);
    while (this.#logged.length > 1 && total - (this.#logged[0]?.text.length ?? 0) > LOG_CHARACTERS) {
      total -= this.#logged.shift()?.text.length ?? 0;
    }
    this.#logIsStale = true;
    if (!this.#logTimer) this.#refreshLog();
  }

  /** The first text at once, what follows it in a flood no more often than a reader can take it. */
  #refreshLog(): void {
    this.#logTimer = 0;
    if (!this.#logIsStale) return;
    this.#logIsStale = false;
    this.#showText();
    this.#logTimer = window.setTimeout(() => this.#refreshLog(), LOG_PAUSE_MS);
  }

  #showText(): void {
    const spans = this.#logged.map(({ stream, text }) => {
      const span = document.createElement("span");
      span.dataset["stream"] = stream;
      span.textContent = text.slice(-LOG_CHARACTERS);
      return span;
    });
    this.#log.replaceChildren(...spans);
  }
}

function makeDecoders(): Record<Stream, TextDecoder> {
  return { stdout: new TextDecoder(), stderr: new TextDecoder(), note: new TextDecoder() };
}

function readTheme(): ITheme {
  const probe = document.createElement("span");
  document.body.append(probe);
  const read = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const theme: ITheme = {
    background: read("term-bg"),
    foreground: read("term-text"),
    cursor: read("accent"),
    selectionBackground: read("term-selection"),
    black: read("term-black"),
    red: read("term-red"),
    green: read("term-green"),
    yellow: read("term-yellow"),
    blue: read("term-blue"),
    magenta: read("term-magenta"),
    cyan: read("term-cyan"),
    white: read("term-white"),
    brightBlack: read("muted"),
    brightRed: read("term-red"),
    brightGreen: read("term-green"),
    brightYellow: read("term-yellow"),
    brightBlue: read("term-blue"),
    brightMagenta: read("term-magenta"),
    brightCyan: read("term-cyan"),
    brightWhite: read("term-text"),
  };
  probe.remove();
  return theme;
}
