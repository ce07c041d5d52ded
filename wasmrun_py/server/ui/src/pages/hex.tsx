// The bytes of a part of the module, asked for page by page.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { formatBytes, formatHex } from "../parts/format";
import { Icon } from "../parts/icons";

export interface Part {
  readonly label: string;
  readonly offset: number;
  readonly size_bytes: number;
}

interface Props {
  readonly url: string;
  readonly generation: number;
  readonly part: Part;
  readonly close: () => void;
}

const ROWS = 32;

export function HexView({ url, generation, part, close }: Props): JSX.Element {
  const section = useRef<HTMLElement>(null);
  const [columns, setColumns] = useState(16);
  const [start, setStart] = useState(part.offset);
  const [loaded, setLoaded] = useState<{ start: number; bytes: Uint8Array } | null>(null);
  const [error, setError] = useState("");
  const end = part.offset + part.size_bytes;
  const page = ROWS * columns;
  useEffect(() => {
    setStart(part.offset);
    section.current?.focus({ preventScroll: true });
    section.current?.scrollIntoView({ block: "nearest" });
  }, [part]);
  useEffect(() => {
    const narrow = matchMedia("(max-width: 640px)");
    const look = (): void => setColumns(narrow.matches ? 8 : 16);
    look();
    narrow.addEventListener("change", look);
    return () => narrow.removeEventListener("change", look);
  }, []);
  useEffect(() => {
    let current = true;
    loadBytes(url, start, Math.min(start + page, end)).then(
      (bytes) => {
        if (!current) return;
        setLoaded({ start, bytes });
        setError("");
      },
      (problem: Error) => current && setError(problem.message),
    );
    return () => {
      current = false;
    };
  }, [url, generation, start, end, page]);
  const go = (to: number): void => setStart(Math.max(part.offset, Math.min(to, end - 1)));
  return (
    <section class="card hex" aria-label={`Bytes of ${part.label}`} tabIndex={-1} ref={section} data-testid="hex">
      <div class="bar">
        <h2>
          {part.label}{" "}
          <span class="muted">
            {formatBytes(part.size_bytes)} at {formatHex(part.offset)}
          </span>
        </h2>
        <div class="pager">
          <button type="button" class="quiet small square" aria-label="Previous bytes" disabled={start <= part.offset} onClick={() => go(start - page)}>
            <Icon name="left" />
          </button>
          <button type="button" class="quiet small square" aria-label="Next bytes" disabled={start + page >= end} onClick={() => go(start + page)}>
            <Icon name="right" />
          </button>
          <GoTo part={part} go={go} />
          <button type="button" class="quiet small square" aria-label="Close the bytes" onClick={close}>
            <Icon name="cross" />
          </button>
        </div>
      </div>
      {error ? <p class="more problem">{error}</p> : loaded && <Rows start={loaded.start} bytes={loaded.bytes} columns={columns} />}
    </section>
  );
}

function GoTo({ part, go }: { readonly part: Part; readonly go: (to: number) => void }): JSX.Element {
  return (
    <form
      class="goto"
      onSubmit={(event) => {
        event.preventDefault();
        const typed = new FormData(event.currentTarget).get("offset");
        const offset = Number(typed);
        if (typed && Number.isInteger(offset)) go(offset);
      }}
    >
      <input name="offset" aria-label="Go to the offset" placeholder={formatHex(part.offset)} spellcheck={false} autocomplete="off" />
    </form>
  );
}

function Rows({ start, bytes, columns }: { readonly start: number; readonly bytes: Uint8Array; readonly columns: number }): JSX.Element {
  const rows: JSX.Element[] = [];
  for (let at = 0; at < bytes.length; at += columns) {
    const row = bytes.subarray(at, at + columns);
    const half = columns / 2;
    rows.push(
      <div class="row" key={at}>
        <span class="at">{(start + at).toString(16).padStart(8, "0")}</span>
        <span class="bytes">
          {[...row].map((byte, place) => (
            <span key={place} class={classify(byte, place === half)}>
              {byte.toString(16).padStart(2, "0")}
            </span>
          ))}
        </span>
        <span class="text" aria-hidden="true">
          {[...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("")}
        </span>
      </div>,
    );
  }
  return (
    <div class={`rows of-${columns}`} role="group" aria-label="Bytes" tabIndex={0}>
      {rows}
    </div>
  );
}

function classify(byte: number, middle: boolean): string {
  const tone = byte === 0 ? "zero" : byte >= 0x20 && byte < 0x7f ? "letter" : "other";
  return middle ? `${tone} middle` : tone;
}

/** @throws Error when the server does not answer with these bytes. */
async function loadBytes(url: string, from: number, to: number): Promise<Uint8Array> {
  if (to <= from) return new Uint8Array();
  const answer = await fetch(url, { headers: { Range: `bytes=${from}-${to - 1}` }, cache: "no-store" });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  // A server that knows no ranges sends the whole file.
  return answer.status === 206 ? bytes : bytes.subarray(from, to);
}
