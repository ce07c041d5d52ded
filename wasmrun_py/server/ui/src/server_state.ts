// What the page knows of the server, kept up to date by its events.
import { useEffect, useState } from "preact/hooks";
import { type DevState, loadModuleView, type ModuleView } from "./api";
import { listen } from "./events";

const MOST_LIVE_LINES = 5000;

export interface LiveLog {
  readonly build: number;
  readonly lines: readonly string[];
}

export interface ServerState {
  readonly state: DevState | null;
  readonly connected: boolean;
  /** The lines that arrived while this page listened. */
  readonly live: LiveLog;
}

export function useServer(): ServerState {
  const [server, setServer] = useState<ServerState>({
    state: null,
    connected: true,
    live: { build: 0, lines: [] },
  });
  useEffect(() => {
    listen({
      state: (state) => {
        leaveForApp(state);
        setServer((old) => ({ ...old, state }));
      },
      connected: (connected) => setServer((old) => (old.connected === connected ? old : { ...old, connected })),
      log: ({ build, lines }) =>
        setServer((old) => {
          const kept = old.live.build === build ? old.live.lines : [];
          return { ...old, live: { build, lines: [...kept, ...lines].slice(-MOST_LIVE_LINES) } };
        }),
    });
  }, []);
  return server;
}

/** This page stands in at `/` for as long as there is no app's page. */
function leaveForApp(state: DevState): void {
  if (location.pathname === "/" && state.program?.page === "/") location.reload();
}

export interface ViewState {
  readonly view: ModuleView | null;
  readonly error: string | null;
}

/** The description of the module of a generation, loaded when somebody looks at it. */
export function useModuleView(generation: number, wanted: boolean): ViewState {
  const [loaded, setLoaded] = useState<ViewState & { generation: number }>({
    view: null,
    error: null,
    generation: 0,
  });
  useEffect(() => {
    if (!wanted || generation === 0 || loaded.generation === generation) return;
    let current = true;
    loadModuleView().then(
      (view) => current && setLoaded({ view, error: null, generation }),
      (error: Error) => current && setLoaded({ view: null, error: error.message, generation }),
    );
    return () => {
      current = false;
    };
  }, [generation, wanted, loaded.generation]);
  return loaded;
}
