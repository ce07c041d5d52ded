// The Module page: where the bytes are, what goes in and out, and what the module says of itself.
import type { ComponentChildren, JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Memory, ModuleView, Program, Section } from "../api";
import { type Cell, Treemap } from "../charts/treemap";
import { EmptyState } from "../parts/empty";
import { formatBytes, formatCount, formatHex, formatShare } from "../parts/format";
import type { ViewState } from "../server_state";
import { ExternTable } from "./externs";
import { HexView, type Part } from "./hex";

const CODE = 10;
const MOST_FUNCTION_CELLS = 300;
const MOST_SECTION_CELLS = 200;
const MOST_SECTION_ROWS = 60;
const TONES: Readonly<Record<string, string>> = {
  code: "code",
  "core module": "code",
  component: "code",
  data: "data",
  custom: "custom",
  element: "table",
  table: "table",
  import: "edge",
  export: "edge",
};

interface Props {
  readonly program: Program | null;
  readonly generation: number;
  readonly module: ViewState;
}

export function ModulePage({ program, generation, module }: Props): JSX.Element {
  const { view, error } = module;
  if (!program) return <EmptyState title="Nothing is built yet" />;
  if (!program.module) return <EmptyState title="There is no module to look into"><p>What is served is a page without a WebAssembly module of its own.</p></EmptyState>;
  if (error) return <EmptyState title="The module could not be read"><p>{error}</p></EmptyState>;
  if (!view) return <EmptyState title="Reading the module…" busy />;
  return <Description url={program.module} generation={generation} view={view} />;
}

interface DescriptionProps {
  readonly url: string;
  readonly generation: number;
  readonly view: ModuleView;
}

function Description({ url, generation, view }: DescriptionProps): JSX.Element {
  const [part, open] = useState<Part | null>(null);
  const valid = part && part.offset + part.size_bytes <= view.size_bytes ? part : null;
  return (
    <div class="module">
      <Figures url={url} view={view} />
      <SizeMap view={view} open={open} />
      {valid && <HexView url={url} generation={generation} part={valid} close={() => open(null)} />}
      <Sections view={view} open={open} />
      <div class="columns">
        <ExternTable title="Imports" items={view.imports} total={view.counts.imports} />
        <ExternTable title="Exports" items={view.exports} total={view.counts.exports} />
      </div>
      <div class="columns three">
        <Memories memories={view.memories} />
        <Facts title="Made with" none="No producers section: the toolchain left no name.">
          {Object.entries(view.producers).map(([field, names]) => (
            <div key={field}>
              <dt>{field}</dt>
              <dd>{names.join(", ")}</dd>
            </div>
          ))}
        </Facts>
        <Features features={view.features} />
      </div>
    </div>
  );
}

function Figures({ url, view }: { readonly url: string; readonly view: ModuleView }): JSX.Element {
  const memory = view.memories[0];
  const figures: [string, string, string][] = [
    ["Size", formatBytes(view.size_bytes), `${view.size_bytes.toLocaleString("en")} bytes`],
    ["Format", view.type === "Component" ? "Component" : view.type, url.slice(1)],
    ["Functions", view.counts.functions.toLocaleString("en"), `${view.counts.imported_functions.toLocaleString("en")} imported`],
    ["Exports", view.counts.exports.toLocaleString("en"), formatCount(view.counts.imports, "import")],
    ["Memory", memory ? formatBytes(memory.min_pages * memory.page_size_bytes) : "none", memory ? "at the start" : "it has none"],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value, more]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
          <dd class="more">{more}</dd>
        </div>
      ))}
    </dl>
  );
}

interface OpenProps {
  readonly view: ModuleView;
  readonly open: (part: Part) => void;
}

function SizeMap({ view, open }: OpenProps): JSX.Element {
  const hasFunctions = view.functions.length > 1;
  const [by, setBy] = useState<"section" | "function">("section");
  const chosen = hasFunctions ? by : "section";
  const cells = useMemo(
    () => (chosen === "section" ? listSectionCells(view, open) : listFunctionCells(view, open)),
    [view, chosen, open],
  );
  const code = view.sections.find((section) => section.id === CODE)?.size_bytes ?? 0;
  const total = chosen === "section" ? view.size_bytes : code;
  return (
    <div class="card">
      <div class="bar">
        <h2>Where the bytes are</h2>
        {hasFunctions && (
          <div class="switch" role="group" aria-label="Divide by">
            {(["section", "function"] as const).map((each) => (
              <button key={each} type="button" aria-pressed={chosen === each} onClick={() => setBy(each)}>
                {each === "section" ? "Sections" : "Functions"}
              </button>
            ))}
          </div>
        )}
      </div>
      <Treemap cells={cells} total={total} label={chosen === "section" ? "Sections by size" : "Functions by size"} />
      {chosen === "function" && <FunctionLegend view={view} cells={cells} code={code} />}
    </div>
  );
}

interface LegendProps {
  readonly view: ModuleView;
  readonly cells: readonly Cell[];
  readonly code: number;
}

function FunctionLegend({ view, cells, code }: LegendProps): JSX.Element {
  const rest = code - cells.reduce((sum, cell) => sum + cell.size_bytes, 0);
  const left = view.counts.functions - cells.length;
  return (
    <p class="legend">
      <span class="swatch code" aria-hidden="true" /> inside
      <span class="swatch exported" aria-hidden="true" /> exported
      {left > 0 && (
        <span class="muted">
          The {formatCount(cells.length, "largest", "largest")} are drawn; {formatCount(left, "smaller one")} make{" "}
          {formatBytes(rest)}, {formatShare(rest, code)} of the code.
        </span>
      )}
    </p>
  );
}

function toneOf(section: Section): string {
  if (section.id === 0) return section.name.startsWith(".debug") ? "debug" : "custom";
  return TONES[section.name] ?? "other";
}

function listSectionCells(view: ModuleView, open: (part: Part) => void): Cell[] {
  const sorted = view.sections.filter((section) => section.size_bytes > 0).sort((one, other) => other.size_bytes - one.size_bytes);
  const cells = sorted.slice(0, MOST_SECTION_CELLS).map((section) => ({
    label: section.name || "custom",
    size_bytes: section.size_bytes,
    tone: toneOf(section),
    detail: section.id === 0 ? "custom section" : "section",
    open: () => open({ label: section.name, offset: section.offset, size_bytes: section.size_bytes }),
  }));
  const rest = sorted.slice(MOST_SECTION_CELLS).reduce((sum, section) => sum + section.size_bytes, 0);
  return rest ? [...cells, { label: "the rest", size_bytes: rest, tone: "other", detail: "" }] : cells;
}

function listFunctionCells(view: ModuleView, open: (part: Part) => void): Cell[] {
  const shown = view.functions.slice(0, MOST_FUNCTION_CELLS);
  return shown.map((each, place) => {
    const label = each.name ?? `function ${each.index}`;
    return {
      label,
      size_bytes: Math.max(1, each.size_bytes),
      tone: each.export ? "exported" : `code step-${Math.min(4, Math.floor((5 * place) / shown.length))}`,
      detail: each.export ? `exported as ${each.export}` : `function ${each.index}`,
      open: () => open({ label, offset: each.offset, size_bytes: each.size_bytes }),
    };
  });
}

function Sections({ view, open }: OpenProps): JSX.Element {
  const largest = Math.max(1, ...view.sections.map((section) => section.size_bytes));
  return (
    <div class="card">
      <div class="bar">
        <h2>{formatCount(view.counts.sections, "section")}</h2>
      </div>
      <table class="sections">
        <thead>
          <tr>
            <th scope="col">Section</th>
            <th scope="col" class="wide">Offset</th>
            <th scope="col" class="number">Size</th>
            <th scope="col" class="number">Share</th>
            <th scope="col" class="wide" aria-hidden="true" />
          </tr>
        </thead>
        <tbody>
          {view.sections.slice(0, MOST_SECTION_ROWS).map((section) => (
            <tr key={section.offset}>
              <th scope="row">
                <span class={`swatch ${toneOf(section)}`} aria-hidden="true" />
                <button type="button" class="link" onClick={() => open({ label: section.name || "custom", offset: section.offset, size_bytes: section.size_bytes })}>
                  {section.name || "(no name)"}
                </button>
                {section.id === 0 && <span class="tag">custom</span>}
              </th>
              <td class="wide code">{formatHex(section.offset)}</td>
              <td class="number">{formatBytes(section.size_bytes)}</td>
              <td class="number">{formatShare(section.size_bytes, view.size_bytes)}</td>
              <td class="wide meter" aria-hidden="true">
                <svg viewBox="0 0 100 8" preserveAspectRatio="none">
                  <rect class={`tone ${toneOf(section)}`} width={Math.max(0.6, (100 * section.size_bytes) / largest)} height="8" rx="1" />
                </svg>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {view.counts.sections > MOST_SECTION_ROWS && <p class="more">… and {view.counts.sections - MOST_SECTION_ROWS} more</p>}
    </div>
  );
}

function Memories({ memories }: { readonly memories: readonly Memory[] }): JSX.Element {
  return (
    <Facts title={memories.length > 1 ? "Memories" : "Memory"} none="It has no memory.">
      {memories.slice(0, 20).map((memory, place) => (
        <div key={place}>
          <dt>
            {memory.imported ? "imported" : "defined here"}
            {memory.shared && ", shared"}
            {memory.memory64 && ", 64-bit"}
          </dt>
          <dd>
            {formatBytes(memory.min_pages * memory.page_size_bytes)} at the start,{" "}
            {memory.max_pages === null ? "no limit of its own" : `${formatBytes(memory.max_pages * memory.page_size_bytes)} at most`}
          </dd>
        </div>
      ))}
    </Facts>
  );
}

function Features({ features }: { readonly features: readonly string[] }): JSX.Element {
  return (
    <div class="card facts-card">
      <div class="bar">
        <h2>Features</h2>
      </div>
      {features.length ? (
        <ul class="chips">
          {features.map((feature) => (
            <li key={feature} class={feature.startsWith("-") ? "without" : ""}>
              {feature.replace(/^\+/, "")}
            </li>
          ))}
        </ul>
      ) : (
        <p class="more">No target features are recorded.</p>
      )}
    </div>
  );
}

interface FactsProps {
  readonly title: string;
  readonly none: string;
  readonly children: ComponentChildren[];
}

function Facts({ title, none, children }: FactsProps): JSX.Element {
  return (
    <div class="card facts-card">
      <div class="bar">
        <h2>{title}</h2>
      </div>
      {children.length ? <dl class="facts">{children}</dl> : <p class="more">{none}</p>}
    </div>
  );
}
