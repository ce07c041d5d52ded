// The page's frame: what stands above the four pages, and which of them is seen.
import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { type Build, type DevState, request } from "./api";
import { BuildPage } from "./pages/build";
import { FunctionsPage } from "./pages/functions";
import { ModulePage } from "./pages/module";
import { RunPage } from "./pages/run";
import { FailurePanel } from "./parts/failure";
import { formatDuration } from "./parts/format";
import { FunctionNames, listFunctionNames } from "./parts/function_names";
import { Icon, Logo } from "./parts/icons";
import { type Tab, Tabs } from "./parts/tabs";
import { applyTheme, nextTheme, readTheme } from "./parts/theme";
import { type ServerState, useModuleView, useServer } from "./server_state";

const NAMES = ["run", "functions", "module", "build"] as const;
type Name = (typeof NAMES)[number];

export function App(): JSX.Element {
  const server = useServer();
  const { state } = server;
  const [chosen, choose] = useChosenTab(state);
  const program = state?.program ?? null;
  const generation = state?.generation ?? 0;
  const looked = chosen === "functions" || chosen === "module" || program?.kind === "library";
  const module = useModuleView(generation, looked && Boolean(program?.module));
  useTitle(state);
  const last = state?.builds.at(-1);
  const names = useMemo(() => listFunctionNames(module.view), [module.view]);
  const panel = (name: Name, children: JSX.Element): JSX.Element => (
    <section role="tabpanel" id={`panel-${name}`} aria-labelledby={`tab-${name}`} hidden={chosen !== name}>
      {children}
    </section>
  );
  return (
    <FunctionNames.Provider value={names}>
      <a class="skip" href="#panels">
        Skip to the page
      </a>
      <Header server={server} />
      <nav class="tabbar" aria-label="Pages">
        <Tabs label="Pages" tabs={listTabs(last)} chosen={chosen} choose={choose} />
      </nav>
      {!server.connected && <GoneBanner />}
      <main id="panels" tabIndex={-1}>
        {state?.status === "failed" && last && chosen !== "build" && <FailurePanel build={last} showLog={() => choose("build")} />}
        {panel("run", <RunPage state={state} toFunctions={() => choose("functions")} />)}
        {panel("functions", <FunctionsPage program={program} generation={generation} module={module} />)}
        {panel("module", <ModulePage program={program} generation={generation} module={module} />)}
        {panel("build", <BuildPage state={state} live={server.live} shown={chosen === "build"} />)}
      </main>
    </FunctionNames.Provider>
  );
}

function listTabs(last: Build | undefined): Tab<Name>[] {
  const errors = last?.diagnostics.filter((each) => each.severity === "error").length ?? 0;
  return [
    { name: "run", label: "Run" },
    { name: "functions", label: "Functions" },
    { name: "module", label: "Module" },
    { name: "build", label: "Build", ...(errors ? { badge: String(errors) } : {}) },
  ];
}

/** The tab of the address, so that a reload and the back button keep it; a library begins with its functions. */
function useChosenTab(state: DevState | null): [Name, (name: Name) => void] {
  const read = (): Name | null => NAMES.find((name) => name === location.hash.slice(1)) ?? null;
  const [named, setNamed] = useState<Name | null>(read);
  useEffect(() => {
    const look = (): void => setNamed(read());
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
  const choose = useCallback((name: Name) => {
    history.pushState(null, "", `#${name}`);
    setNamed(name);
  }, []);
  const first = state?.program?.kind === "library" ? "functions" : "run";
  return [named ?? first, choose];
}

function useTitle(state: DevState | null): void {
  useEffect(() => {
    if (!state) return;
    const sign = state.status === "failed" ? "✗ " : state.status === "building" ? "… " : "";
    document.title = `${sign}${state.project.name} · wasmrun`;
  }, [state?.status, state?.project.name]);
}

function Header({ server }: { readonly server: ServerState }): JSX.Element {
  const { state } = server;
  return (
    <header class="top">
      <a class="brand" href="/_wasmrun/" aria-label="wasmrun">
        <Logo />
      </a>
      <div class="project">
        <h1>{state?.project.name ?? "wasmrun"}</h1>
        <p title={state?.project.path}>
          <bdi>{state?.project.path ?? "connecting…"}</bdi>
        </p>
      </div>
      <StatusPill state={state} />
      <div class="actions">
        {state && !state.project.is_file && <RebuildButton building={state.status === "building"} />}
        <ThemeButton />
      </div>
    </header>
  );
}

function StatusPill({ state }: { readonly state: DevState | null }): JSX.Element {
  const last = state?.builds.at(-1);
  const status = state?.status ?? "building";
  const took = last?.duration_s == null ? "" : ` in ${formatDuration(last.duration_s * 1000)}`;
  const words = {
    building: state ? "Building…" : "Connecting…",
    ok: state?.project.is_file ? "Serving" : `Built${took}`,
    failed: `Failed${took}`,
    cancelled: "Cancelled",
  }[status];
  return (
    <p class={`pill ${status}`} role="status" data-testid="status">
      <span class="dot" aria-hidden="true" />
      {words}
    </p>
  );
}

function RebuildButton({ building }: { readonly building: boolean }): JSX.Element {
  const rebuild = (): void => void request("rebuild", "POST").catch(() => undefined);
  return (
    <button type="button" class="quiet" onClick={rebuild} disabled={building}>
      <Icon name="rebuild" />
      <span class="wide">Rebuild</span>
      <span class="narrow-only visually-hidden">Rebuild</span>
    </button>
  );
}

function ThemeButton(): JSX.Element {
  const [theme, setTheme] = useState(readTheme);
  const turn = (): void => {
    const next = nextTheme(theme);
    applyTheme(next);
    setTheme(next);
  };
  const words = { auto: "as the system", light: "light", dark: "dark" }[theme];
  return (
    <button type="button" class="quiet square" onClick={turn} aria-label={`Colours: ${words}`} title={`Colours: ${words}`}>
      <Icon name={theme === "auto" ? "auto" : theme === "light" ? "sun" : "moon"} />
    </button>
  );
}

function GoneBanner(): JSX.Element {
  return (
    <div class="banner" role="status" data-testid="gone">
      <span class="dot" aria-hidden="true" />
      The server has stopped. What is loaded keeps running; this page connects again when the server is back.
    </div>
  );
}
