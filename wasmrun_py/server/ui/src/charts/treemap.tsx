// A treemap of a module's bytes. One stop of the Tab key; arrows go from cell to cell, Enter opens one.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatBytes, formatShare } from "../parts/format";
import { type Rectangle, squarify } from "./squarify";

export interface Cell {
  readonly label: string;
  readonly size_bytes: number;
  /** A class that colours it. */
  readonly tone: string;
  readonly detail: string;
  readonly open?: () => void;
}

interface Props {
  readonly cells: readonly Cell[];
  readonly label: string;
  readonly total: number;
}

const GAP = 1.5;
const LETTER_WIDTH = 7.1;
const LINE_HEIGHT = 16;

export function Treemap({ cells, label, total }: Props): JSX.Element {
  const holder = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [active, setActive] = useState(0);
  const [pointed, setPointed] = useState<number | null>(null);
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const height = width < 500 ? 260 : 340;
  const places = useMemo(
    () => squarify(cells.map((cell) => cell.size_bytes), { x: 0, y: 0, width, height }),
    [cells, width, height],
  );
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" || event.key === " ") cells[active]?.open?.();
    else if (step) focusCell(Math.min(Math.max(active + step, 0), cells.length - 1));
    else return;
    event.preventDefault();
  };
  const focusCell = (place: number): void => {
    setActive(place);
    holder.current?.querySelectorAll<SVGElement>("[role=option]")[place]?.focus();
  };
  const told = cells[pointed ?? active];
  return (
    <div class="treemap" ref={holder}>
      {width > 0 && (
        <svg width={width} height={height} role="listbox" aria-label={label} onKeyDown={move} onMouseLeave={() => setPointed(null)}>
          {cells.map((cell, place) => (
            <CellView
              key={place}
              cell={cell}
              place={places[place] ?? { x: 0, y: 0, width: 0, height: 0 }}
              active={place === active}
              total={total}
              onFocus={() => setActive(place)}
              onPoint={() => setPointed(place)}
            />
          ))}
        </svg>
      )}
      <p class="told" aria-hidden="true">
        {told ? (
          <>
            <b>{told.label}</b> {formatBytes(told.size_bytes)} · {formatShare(told.size_bytes, total)}
            <span class="muted"> {told.detail}</span>
          </>
        ) : (
          "Nothing to draw"
        )}
      </p>
    </div>
  );
}

interface CellProps {
  readonly cell: Cell;
  readonly place: Rectangle;
  readonly active: boolean;
  readonly total: number;
  readonly onFocus: () => void;
  readonly onPoint: () => void;
}

function CellView({ cell, place, active, total, onFocus, onPoint }: CellProps): JSX.Element {
  const width = Math.max(0.5, place.width - GAP);
  const height = Math.max(0.5, place.height - GAP);
  const letters = Math.floor((width - 12) / LETTER_WIDTH);
  const named = letters >= 4 && height >= LINE_HEIGHT + 6;
  const text = cell.label.length > letters ? `${cell.label.slice(0, Math.max(1, letters - 1))}…` : cell.label;
  return (
    <g
      role="option"
      aria-selected={active}
      aria-label={`${cell.label}, ${formatBytes(cell.size_bytes)}, ${formatShare(cell.size_bytes, total)}`}
      tabIndex={active ? 0 : -1}
      class={`cell ${cell.tone}`}
      transform={`translate(${place.x} ${place.y})`}
      onFocus={onFocus}
      onMouseEnter={onPoint}
      onClick={cell.open}
    >
      <rect width={width} height={height} rx={Math.min(4, width / 4, height / 4)} />
      {named && (
        <text x="7" y={LINE_HEIGHT + 1}>
          {text}
        </text>
      )}
      {named && height >= 2 * LINE_HEIGHT + 8 && letters >= 7 && (
        <text class="small" x="7" y={2 * LINE_HEIGHT + 1}>
          {formatBytes(cell.size_bytes)}
        </text>
      )}
    </g>
  );
}
