// A failed build, above whatever is looked at: the last good program stays usable below it.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Build, Diagnostic } from "../api";
import { countProblems, describePlace, orderProblems } from "../problems";
import { Icon } from "./icons";

const MOST_SHOWN = 20;

export function FailurePanel({ build, showLog }: { readonly build: Build; readonly showLog: () => void }): JSX.Element | null {
  const [closed, setClosed] = useState(0);
  const open = closed !== build.number;
  useEffect(() => {
    if (!open) return;
    const close = (event: KeyboardEvent): void => {
      if (event.key === "Escape") setClosed(build.number);
    };
    addEventListener("keydown", close);
    return () => removeEventListener("keydown", close);
  }, [open, build.number]);
  if (!open) return null;
  const problems = orderProblems(build.diagnostics);
  const count = countProblems(problems);
  return (
    <section class="failure" role="alert" data-testid="overlay" aria-label="The build failed">
      <header>
        <h2>
          The build failed {count && <span class="count">{count}</span>}
        </h2>
        <button type="button" class="quiet small" onClick={showLog}>
          Show the log
        </button>
        <button type="button" class="quiet small square" onClick={() => setClosed(build.number)} aria-label="Close" title="Close (Esc)">
          <Icon name="cross" />
        </button>
      </header>
      {build.error && (
        <p class="message">
          {build.error.message}
          {build.error.hint && <span class="hint">{build.error.hint}</span>}
        </p>
      )}
      <ProblemList problems={problems.slice(0, MOST_SHOWN)} />
      {problems.length > MOST_SHOWN && <p class="more">… and {problems.length - MOST_SHOWN} more, on the Build page.</p>}
    </section>
  );
}

export function ProblemList({ problems }: { readonly problems: readonly Diagnostic[] }): JSX.Element | null {
  if (!problems.length) return null;
  return (
    <ol class="problems">
      {problems.map((problem, place) => (
        <li key={place} class={problem.severity}>
          <span class="severity">{problem.severity}</span>
          <span class="place">{describePlace(problem) || problem.source}</span>
          <p class="words">{problem.message}</p>
          {problem.source_line && <pre>{problem.source_line}</pre>}
        </li>
      ))}
    </ol>
  );
}
