// The Functions page: every export with its signature, called with typed values.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Extern, Program } from "../api";
import { EmptyState } from "../parts/empty";
import { formatBytes, formatCount } from "../parts/format";
import { History } from "../run/history";
import { Icon } from "../parts/icons";
import { Signature } from "../parts/signature";
import { TrapView } from "../parts/trap";
import { describeInput, findObstacle, parseValue } from "../parts/values";
import { Calls, type CallsState, NO_CALLS } from "../run/calls";
import type { ViewState } from "../server_state";
import type { Observed } from "../worker/messages";

const MOST_SHOWN = 200;
const PROVIDED = /^(?:wasi_snapshot_preview1\.|env\.(?:abort|trace|seed|console\.(?:log|info|debug|warn|error))$)/;

interface Props {
  readonly program: Program | null;
  readonly generation: number;
  readonly module: ViewState;
}

export function FunctionsPage({ program, generation, module }: Props): JSX.Element {
  const { view, error } = module;
  if (!program) return <EmptyState title="Nothing is built yet" />;
  if (!program.module) return <EmptyState title="There is no module to call" />;
  if (error) return <EmptyState title="The module could not be read"><p>{error}</p></EmptyState>;
  if (!view) return <EmptyState title="Reading the module…" busy />;
  if (view.kind === "component") {
    return (
      <EmptyState title="A component's functions are not called from a browser">
        <p>Its interface is on the Module page; <code>wasmrun exec --call</code> calls it natively.</p>
      </EmptyState>
    );
  }
  const functions = view.exports.filter((each) => each.kind === "func");
  if (!functions.length) return <EmptyState title="This module exports no function" />;
  return <Caller url={program.module} generation={generation} functions={functions} stubs={listStubs(view.imports)} />;
}

/** The functions that a browser does not have for this module. */
function listStubs(imports: readonly Extern[]): readonly string[] {
  const missing = imports.filter((each) => each.kind === "func" && !PROVIDED.test(`${each.module}.${each.name}`));
  return missing.map((each) => `${each.module}.${each.name}`);
}

interface CallerProps {
  readonly stubs: readonly string[];
  readonly url: string;
  readonly generation: number;
  readonly functions: readonly Extern[];
}

function Caller({ url, generation, functions, stubs }: CallerProps): JSX.Element {
  const [state, setState] = useState<CallsState>(NO_CALLS);
  const calls = useRef<Calls | null>(null);
  const [filter, setFilter] = useState("");
  useEffect(() => {
    calls.current = new Calls(setState);
    return () => calls.current?.dispose();
  }, []);
  useEffect(() => calls.current?.load(url), [url, generation]);
  const shown = useMemo(
    () => functions.filter((each) => each.name.toLowerCase().includes(filter.toLowerCase())),
    [functions, filter],
  );
  const busy = state.calls[0]?.outcome.kind === "running" || state.phase === "loading";
  return (
    <div class="functions">
      <div class="card exports">
        <div class="bar">
          <h2>{formatCount(functions.length, "exported function")}</h2>
          {functions.length > 6 && (
            <input type="search" placeholder="Filter" aria-label="Filter functions" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
          )}
        </div>
        {stubs.length > 0 && (
          <p class="more note" title={stubs.slice(0, 20).join("\n")}>
            No browser has {stubs.length === 1 ? stubs[0] : `${stubs.length} of its imports`}: a stub stands in, tells of each call and answers zero.
          </p>
        )}
        <ul>
          {shown.slice(0, MOST_SHOWN).map((each) => (
            <FunctionRow key={each.name} item={each} busy={busy || state.phase === "unusable"} calls={calls} />
          ))}
        </ul>
        {shown.length > MOST_SHOWN && <p class="more">… and {shown.length - MOST_SHOWN} more: filter by name.</p>}
        {!shown.length && <p class="more">No function is called that.</p>}
      </div>
      <div class="side">
        {state.phase === "unusable" && (
          <div class="card">
            <div class="bar"><h2>It cannot be instantiated</h2></div>
            <TrapView trap={{ message: state.message, frames: state.frames }} />
          </div>
        )}
        <History calls={state.calls} stop={() => calls.current?.stop()} clear={() => calls.current?.clear()} />
        <Instance observed={state.observed} reset={() => calls.current?.load(url)} />
      </div>
    </div>
  );
}

interface RowProps {
  readonly item: Extern;
  readonly busy: boolean;
  readonly calls: { readonly current: Calls | null };
}

function FunctionRow({ item, busy, calls }: RowProps): JSX.Element {
  const params = item.params ?? [];
  const results = item.results ?? [];
  const [typed, setTyped] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState<{ place: number; message: string } | null>(null);
  const obstacle = findObstacle(params, results);
  const submit = (event: Event): void => {
    event.preventDefault();
    // What stands there in grey is what an empty field means.
    const texts = params.map((type, place) => typed[place] || (type.endsWith("ref") ? "" : "0"));
    const values = [];
    for (const [place, type] of params.entries()) {
      try {
        values.push(parseValue(type, texts[place] ?? ""));
      } catch (error) {
        setProblem({ place, message: (error as Error).message });
        return;
      }
    }
    setProblem(null);
    calls.current?.call(item.name, values, texts, results);
  };
  return (
    <li>
      <form onSubmit={submit} class="function" data-testid={`function-${item.name}`} aria-label={item.name}>
        <p class="title">
          <span class="name">{item.name}</span>
          <Signature params={params} results={results} />
        </p>
        {obstacle ? (
          <p class="muted">Not callable here: {obstacle}.</p>
        ) : (
          <div class="inputs">
            {params.map((type, place) => (
              <label key={place} class="value">
                <span>{type}</span>
                <input
                  value={typed[place] ?? ""}
                  placeholder={type === "externref" ? "null" : type === "funcref" ? "null" : "0"}
                  disabled={type === "funcref"}
                  title={describeInput(type)}
                  aria-label={`Parameter ${place + 1}, ${type}`}
                  aria-invalid={problem?.place === place}
                  inputMode={type === "externref" ? "text" : "decimal"}
                  spellcheck={false}
                  autocomplete="off"
                  onInput={(event) => {
                    const value = event.currentTarget.value;
                    setTyped((old) => params.map((_, at) => (at === place ? value : (old[at] ?? ""))));
                  }}
                />
              </label>
            ))}
            <button type="submit" class="call" disabled={busy}>
              Call
            </button>
          </div>
        )}
        {problem && (
          <p class="problem" role="alert">
            Parameter {problem.place + 1}: {problem.message}
          </p>
        )}
      </form>
    </li>
  );
}

function Instance({ observed, reset }: { readonly observed: readonly Observed[]; readonly reset: () => void }): JSX.Element {
  return (
    <div class="card instance">
      <div class="bar">
        <h2>Instance</h2>
        <button type="button" class="quiet small" onClick={reset}>
          <Icon name="rebuild" /> Make anew
        </button>
      </div>
      {observed.length ? (
        <dl class="facts">
          {observed.map((each) => (
            <div key={each.name}>
              <dt>
                {each.name} <span class="muted">{each.kind}</span>
              </dt>
              <dd>{each.kind === "memory" ? formatBytes(Number(each.value)) : each.kind === "table" ? formatCount(Number(each.value), "element") : each.value}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <p class="more">It exports no memory, table or global to look at. Its state lives until it is made anew.</p>
      )}
    </div>
  );
}
