// A WASI command: what it is started with, its terminal, and how it ended.
import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type DevState, getToken, type Program } from "../api";
import { formatBytes, formatDuration } from "../parts/format";
import { Icon } from "../parts/icons";
import { onThemeChange } from "../parts/theme";
import { TrapView } from "../parts/trap";
import { Runner, type RunStatus } from "./runner";
import { TerminalView } from "./terminal";
import { splitEnvironment, splitWords } from "./words";

interface Form {
  readonly args: string;
  readonly env: string;
  readonly stdin: string;
}

const EMPTY: Form = { args: "", env: "", stdin: "" };

interface Props {
  readonly state: DevState;
  readonly program: Program;
}

export function WasiConsole({ state, program }: Props): JSX.Element {
  const key = `wasmrun:run:${state.project.path}`;
  const [form, setForm] = useState<Form>(() => readForm(key));
  const [status, setStatus] = useState<RunStatus>({ phase: "idle" });
  const [problem, setProblem] = useState("");
  const [dropped, setDropped] = useState(0);
  const terminal = useRef<TerminalView | null>(null);
  const runner = useRef<Runner | null>(null);
  const ran = useRef(form);
  const stopped = useRef(false);
  const module = program.module ?? "";

  const run = useCallback(
    (chosen: Form): void => {
      const words = parseForm(chosen);
      setProblem(words instanceof Error ? words.message : "");
      if (words instanceof Error) return;
      sessionStorage.setItem(key, JSON.stringify(chosen));
      ran.current = chosen;
      stopped.current = false;
      terminal.current?.clear();
      const name = module.split("/").at(-1) ?? module;
      runner.current?.run({ url: module, token: getToken(), args: [name, ...words.args], env: words.env, stdin: chosen.stdin });
    },
    [key, module],
  );
  const stop = (): void => {
    stopped.current = true;
    runner.current?.stop();
  };

  const attach = useTerminal(terminal, runner, setStatus, setDropped);
  // A new build runs by itself, unless it was stopped or somebody is at the form.
  const isChanged = JSON.stringify(form) !== JSON.stringify(ran.current);
  useEffect(() => {
    if (!stopped.current && !isChanged) run(form);
  }, [state.generation, run]);

  const active = status.phase === "loading" || status.phase === "running";
  return (
    <div class="run">
      <form
        class="card launch"
        onSubmit={(event) => {
          event.preventDefault();
          run(form);
        }}
      >
        <ArgumentsField form={form} change={setForm} module={module} problem={problem} />
        <div class="buttons">
          {active && (
            <button type="button" class="danger" onClick={stop} data-testid="stop">
              <Icon name="stop" /> Stop
            </button>
          )}
          <button type="submit" class="primary" data-testid="run">
            <Icon name="play" /> {active || status.phase !== "idle" ? "Run again" : "Run"}
          </button>
        </div>
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <MoreFields form={form} change={setForm} />
        {isChanged && !active && !problem && <p class="muted hint">Changed since the last run: a new build waits for Run.</p>}
      </form>
      <div class="card console">
        <div class="bar">
          <RunStatusLine status={status} />
          {dropped > 0 && (
            <span class="muted dropped" data-testid="dropped">
              {formatBytes(dropped)} came too fast to show
            </span>
          )}
          <button type="button" class="quiet small" onClick={() => terminal.current?.clear()}>
            Clear
          </button>
        </div>
        {status.phase === "trapped" && <TrapView trap={status.trap} />}
        {status.phase === "unusable" && (
          <div class="trap" data-testid="trap">
            <p class="words">
              <strong>Not started</strong> {status.message}
            </p>
          </div>
        )}
        <div
          class="term"
          role="region"
          aria-label="Terminal"
          tabIndex={0}
          ref={attach}
          onKeyDown={(event) => {
            if (!event.ctrlKey && !event.metaKey && terminal.current?.scroll(event.key)) event.preventDefault();
          }}
        />
      </div>
    </div>
  );
}

/** Makes the terminal and the runner where the element is, and ends both with it. */
function useTerminal(
  terminal: { current: TerminalView | null },
  runner: { current: Runner | null },
  setStatus: (status: RunStatus) => void,
  setDropped: (bytes: number) => void,
): (element: HTMLDivElement | null) => void {
  const cleanUp = useRef<() => void>(() => undefined);
  return useCallback((element: HTMLDivElement | null) => {
    cleanUp.current();
    cleanUp.current = () => undefined;
    if (!element) return;
    const screen = document.createElement("div");
    screen.className = "screen";
    screen.setAttribute("aria-hidden", "true");
    const log = document.createElement("div");
    log.className = "visually-hidden";
    log.setAttribute("role", "log");
    log.setAttribute("aria-label", "Output");
    log.dataset["testid"] = "output";
    element.append(screen, log);
    const view = new TerminalView(screen, log, setDropped);
    const made = new Runner(setStatus, (stream, bytes) => view.write(stream, bytes));
    terminal.current = view;
    runner.current = made;
    const unwatch = onThemeChange(() => view.repaint());
    cleanUp.current = () => {
      unwatch();
      made.dispose();
      view.dispose();
      element.replaceChildren();
    };
  }, []);
}

interface FieldsProps {
  readonly form: Form;
  readonly change: (form: Form) => void;
}

type Typed = { readonly currentTarget: { readonly value: string } };

function ArgumentsField({
  form,
  change,
  module,
  problem,
}: FieldsProps & { readonly module: string; readonly problem: string }): JSX.Element {
  return (
    <label class="args">
      <span class="prompt">{module.split("/").at(-1)}</span>
      <span class="visually-hidden">Arguments</span>
      <input
        value={form.args}
        onInput={(event: Typed) => change({ ...form, args: event.currentTarget.value })}
        placeholder="arguments"
        spellcheck={false}
        autocomplete="off"
        aria-invalid={Boolean(problem)}
        data-testid="args"
      />
    </label>
  );
}

function MoreFields({ form, change }: FieldsProps): JSX.Element {
  const set = (name: "env" | "stdin") => (event: Typed) => change({ ...form, [name]: event.currentTarget.value });
  const used = form.env || form.stdin;
  // Open from the beginning when something is in there; then it is the user's to open and close.
  const [open] = useState(Boolean(used));
  return (
    <details open={open}>
      <summary>
        Environment and input{used && <span class="badge">set</span>}
      </summary>
      <div class="two">
        <label>
          Environment
          <textarea
            value={form.env}
            onInput={set("env")}
            placeholder={"NAME=VALUE\none a line"}
            rows={3}
            spellcheck={false}
            data-testid="env"
          />
        </label>
        <label>
          Standard input
          <textarea
            value={form.stdin}
            onInput={set("stdin")}
            placeholder="What the program reads; it ends after this."
            rows={3}
            spellcheck={false}
            data-testid="stdin"
          />
        </label>
      </div>
    </details>
  );
}

function RunStatusLine({ status }: { readonly status: RunStatus }): JSX.Element {
  const [words, tone] = describeStatus(status);
  return (
    <p class={`outcome ${tone}`} role="status" data-testid="outcome">
      <span class="dot" aria-hidden="true" />
      {words}
      {status.phase === "running" && <Elapsed since={status.since} />}
    </p>
  );
}

function describeStatus(status: RunStatus): [string, string] {
  switch (status.phase) {
    case "idle":
      return ["Not started", ""];
    case "loading":
      return ["Loading…", "building"];
    case "running":
      return ["Running", "building"];
    case "exited":
      return [`Exit code ${status.code} after ${formatDuration(status.duration_ms)}`, status.code === 0 ? "ok" : "failed"];
    case "trapped":
      return [`Trapped after ${formatDuration(status.duration_ms)}`, "failed"];
    case "stopped":
      return [`Stopped after ${formatDuration(status.duration_ms)}`, "cancelled"];
    case "unusable":
      return ["It could not be started", "failed"];
  }
}

function Elapsed({ since }: { readonly since: number }): JSX.Element {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 250);
    return () => clearInterval(timer);
  }, []);
  // Not announced four times a second.
  return <span aria-hidden="true"> · {formatDuration(Math.max(0, now - since))}</span>;
}

function readForm(key: string): Form {
  try {
    return { ...EMPTY, ...(JSON.parse(sessionStorage.getItem(key) ?? "{}") as Partial<Form>) };
  } catch {
    return EMPTY;
  }
}

function parseForm(form: Form): { args: string[]; env: string[] } | Error {
  try {
    return { args: splitWords(form.args), env: splitEnvironment(form.env) };
  } catch (error) {
    return error as Error;
  }
}
