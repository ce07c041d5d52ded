// The Build page: how the last build went, what its tools said, and how the size has moved.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Build, type DevState, loadLog } from "../api";
import { SizeChart } from "../charts/size_chart";
import { EmptyState } from "../parts/empty";
import { ProblemList } from "../parts/failure";
import { formatBytes, formatCount, formatDuration, stripEscapes } from "../parts/format";
import { countProblems, orderProblems } from "../problems";
import type { LiveLog } from "../server_state";

interface Props {
  readonly state: DevState | null;
  readonly live: LiveLog;
  readonly shown: boolean;
}

export function BuildPage({ state, live, shown }: Props): JSX.Element {
  const [picked, pick] = useState<number | null>(null);
  if (!state) return <EmptyState title="Connecting…" />;
  const last = state.builds.at(-1);
  if (!last) {
    return state.project.is_file ? (
      <EmptyState title="A file is served, nothing is built" />
    ) : (
      <EmptyState title="Nothing has been built yet" busy={state.status === "building"} />
    );
  }
  const build = state.builds.find((each) => each.number === picked) ?? last;
  return (
    <div class="build">
      <Problems build={build} />
      <div class="columns summary">
        <Summary build={build} before={findBefore(state.builds, build)} />
        <div class="card">
          <div class="bar">
            <h2>Module size</h2>
            <span class="muted">over {formatCount(state.builds.length, "build")}</span>
          </div>
          <SizeChart builds={state.builds} />
        </div>
      </div>
      <Log build={build} live={live} shown={shown} />
      <Builds builds={state.builds} chosen={build.number} pick={pick} />
    </div>
  );
}

function findBefore(builds: readonly Build[], build: Build): Build | undefined {
  return builds.filter((each) => each.number < build.number && each.module_bytes !== null).at(-1);
}

function Summary({ build, before }: { readonly build: Build; readonly before: Build | undefined }): JSX.Element {
  const words = { building: "is running", ok: "succeeded", failed: "failed", cancelled: "was cancelled" }[build.status];
  const facts: [string, string][] = [
    ["Took", build.duration_s === null ? "still running" : formatDuration(build.duration_s * 1000)],
    ["Because of", describeTrigger(build)],
    ["Plugin", describePlugin(build)],
    ["Toolchain", build.toolchain ? `${build.toolchain["name"] ?? ""} ${build.toolchain["version"] ?? ""}` : "–"],
    ["Target", [build.target, build.optimization].filter(Boolean).join(", ") || "–"],
    ["Module", describeSize(build, before)],
    ["Cache", { hit: "hit: nothing had to be compiled", miss: "miss", off: "off" }[build.cache ?? ""] ?? "–"],
  ];
  return (
    <div class="card" data-testid="build-summary">
      <div class="bar">
        <h2>
          Build {build.number} <span class={`outcome ${build.status}`}>{words}</span>
        </h2>
      </div>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function describeTrigger(build: Build): string {
  const files = build.trigger;
  if (!files.length) return build.number === 1 ? "the start" : "a request";
  const shown = files.slice(0, 3).join(", ");
  return files.length > 3 ? `${shown} and ${files.length - 3} more` : shown;
}

function describePlugin(build: Build): string {
  if (!build.plugin) return "–";
  const { name, version, type, transport } = build.plugin;
  const kind = [type, transport].filter(Boolean).join(", ");
  return `${name ?? ""} ${version ?? ""}${kind ? ` (${kind})` : ""}`;
}

function describeSize(build: Build, before: Build | undefined): string {
  if (build.module_bytes === null) return "–";
  const size = formatBytes(build.module_bytes);
  if (!before?.module_bytes) return size;
  const change = build.module_bytes - before.module_bytes;
  if (change === 0) return `${size}, as before`;
  return `${size}, ${change > 0 ? "+" : ""}${formatBytes(change)}`;
}

function Problems({ build }: { readonly build: Build }): JSX.Element | null {
  const problems = orderProblems(build.diagnostics);
  if (!problems.length && !build.warnings.length && !build.error) return null;
  return (
    <div class="card" data-testid="diagnostics">
      <div class="bar">
        <h2>Diagnostics</h2>
        <span class="muted">{countProblems(problems)}</span>
      </div>
      {build.error && (
        <p class="message">
          {build.error.message}
          {build.error.hint && <span class="hint">{build.error.hint}</span>}
        </p>
      )}
      <ProblemList problems={problems} />
      {build.warnings.length > 0 && (
        <ul class="warnings">
          {build.warnings.map((warning, place) => (
            <li key={place}>{warning}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Log({ build, live, shown }: { readonly build: Build; readonly live: LiveLog; readonly shown: boolean }): JSX.Element {
  const [loaded, setLoaded] = useState<{ build: number; lines: readonly string[]; error: string }>({ build: 0, lines: [], error: "" });
  const running = build.status === "building";
  useEffect(() => {
    if (!shown || running) return;
    let current = true;
    loadLog(build.number).then(
      (lines) => current && setLoaded({ build: build.number, lines, error: "" }),
      (error: Error) => current && setLoaded({ build: build.number, lines: [], error: error.message }),
    );
    return () => {
      current = false;
    };
  }, [shown, running, build.number]);
  const lines = running ? (live.build === build.number ? live.lines : []) : loaded.build === build.number ? loaded.lines : [];
  const text = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const element = text.current;
    if (running && element) element.scrollTop = element.scrollHeight;
  }, [lines, running]);
  return (
    <div class="card log">
      <div class="bar">
        <h2>Log of build {build.number}</h2>
        {lines.length > 0 && <span class="muted">{formatCount(lines.length, "line")}</span>}
      </div>
      {lines.length > 0 ? (
        <pre ref={text} tabIndex={0} aria-label="Log" data-testid="log">
          {stripEscapes(lines.join("\n"))}
        </pre>
      ) : (
        <p class="more">{loaded.build === build.number && loaded.error ? loaded.error : "The tools said nothing."}</p>
      )}
    </div>
  );
}

interface BuildsProps {
  readonly builds: readonly Build[];
  readonly chosen: number;
  readonly pick: (build: number) => void;
}

function Builds({ builds, chosen, pick }: BuildsProps): JSX.Element {
  return (
    <div class="card">
      <div class="bar">
        <h2>All builds</h2>
      </div>
      <table class="builds">
        <thead>
          <tr>
            <th scope="col">Build</th>
            <th scope="col">Because of</th>
            <th scope="col" class="number">Took</th>
            <th scope="col" class="number">Module</th>
          </tr>
        </thead>
        <tbody>
          {[...builds].reverse().map((build) => (
            <tr key={build.number} class={build.number === chosen ? "chosen" : ""}>
              <th scope="row">
                <span class={`dot ${build.status}`} aria-hidden="true" />
                <button type="button" class="link" aria-pressed={build.number === chosen} onClick={() => pick(build.number)}>
                  {build.number}
                </button>
                <span class={build.status === "failed" ? "tag failed" : "visually-hidden"}>{build.status}</span>
              </th>
              <td class="files">{describeTrigger(build)}</td>
              <td class="number">{build.duration_s === null ? "…" : formatDuration(build.duration_s * 1000)}</td>
              <td class="number">{build.module_bytes === null ? "–" : formatBytes(build.module_bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
