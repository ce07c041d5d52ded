// What was called with what, and what came of it; newest first.
import type { JSX } from "preact";
import { EmptyState } from "../parts/empty";
import { formatDuration } from "../parts/format";
import { Icon } from "../parts/icons";
import { TrapView } from "../parts/trap";
import type { Call } from "./calls";

interface Props {
  readonly calls: readonly Call[];
  readonly stop: () => void;
  readonly clear: () => void;
}

export function History({ calls, stop, clear }: Props): JSX.Element {
  return (
    <div class="card history">
      <div class="bar">
        <h2>Calls</h2>
        {calls.length > 0 && (
          <button type="button" class="quiet small" onClick={clear}>
            Clear
          </button>
        )}
      </div>
      {calls.length === 0 && (
        <EmptyState title="No calls yet">
          <p>Results, output and traps appear here. The instance keeps its state between calls.</p>
        </EmptyState>
      )}
      <div role="log" aria-label="Calls" data-testid="history">
        <ol>
          {calls.map((call) => (
            <CallEntry key={call.id} call={call} stop={stop} />
          ))}
        </ol>
      </div>
    </div>
  );
}

function CallEntry({ call, stop }: { readonly call: Call; readonly stop: () => void }): JSX.Element {
  const { outcome } = call;
  return (
    <li class={`call-entry ${outcome.kind}`}>
      <p class="line">
        <span class="expression">
          <span class="name">{call.name}</span>({call.args.join(", ")})
        </span>
        {outcome.kind !== "running" && <span class="took">{formatDuration(outcome.duration_ms)}</span>}
        {outcome.kind === "running" && (
          <button type="button" class="danger small" onClick={stop} data-testid="stop-call">
            <Icon name="stop" /> Stop
          </button>
        )}
      </p>
      {call.output.length > 0 && (
        <pre class="output">
          {call.output.map((piece, place) => (
            <span key={place} class={piece.stream}>
              {piece.text}
            </span>
          ))}
        </pre>
      )}
      <Result call={call} />
    </li>
  );
}

function Result({ call }: { readonly call: Call }): JSX.Element | null {
  const { outcome, results } = call;
  switch (outcome.kind) {
    case "running":
      return <p class="result muted">Running…</p>;
    case "stopped":
      return <p class="result muted">Stopped; the instance was made anew.</p>;
    case "exited":
      return <p class="result">It ended the program with exit code {outcome.code}.</p>;
    case "trapped":
      return <TrapView trap={outcome.trap} />;
    case "returned":
      if (!outcome.values.length) return <p class="result muted">returned nothing</p>;
      return (
        <p class="result">
          {outcome.values.map((value, place) => (
            <span key={place} class="value" title={describeBits(value, results[place])}>
              <b>{value}</b> <span class={`type ${results[place] ?? ""}`}>{results[place]}</span>
            </span>
          ))}
        </p>
      );
  }
}

/** The same bits as other people write them. */
function describeBits(value: string, type: string | undefined): string {
  if (type !== "i32" && type !== "i64") return "";
  const bits = BigInt.asUintN(type === "i32" ? 32 : 64, BigInt(value));
  return `0x${bits.toString(16)} · unsigned ${bits}`;
}
