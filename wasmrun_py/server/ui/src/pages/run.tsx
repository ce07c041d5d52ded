// The Run page: the right way to run whatever was built.
import type { JSX } from "preact";
import type { DevState, Program } from "../api";
import { AppFrame } from "../run/app_frame";
import { WasiConsole } from "../run/wasi_console";
import { CopyableCommand } from "../parts/copyable";
import { EmptyState } from "../parts/empty";

interface Props {
  readonly state: DevState | null;
  readonly toFunctions: () => void;
}

export function RunPage({ state, toFunctions }: Props): JSX.Element {
  if (!state) return <EmptyState title="Connecting…" />;
  const { program } = state;
  if (!program) return <NothingYet state={state} />;
  switch (program.kind) {
    case "wasi":
      return <WasiConsole key={state.project.path} state={state} program={program} />;
    case "page":
      return <AppFrame key="page" address="/" />;
    case "emscripten":
    case "wasm-bindgen":
      return <AppFrame key="pair" address="/_wasmrun/app/" />;
    case "library":
      return (
        <EmptyState title="A library has nothing to start">
          <p>It has no <code>_start</code>: its exports are there to be called.</p>
          <button type="button" class="primary" onClick={toFunctions}>
            Call its functions
          </button>
        </EmptyState>
      );
    case "component":
      return <ComponentWords program={program} state={state} />;
  }
}

function NothingYet({ state }: { readonly state: DevState }): JSX.Element {
  if (state.status === "building") {
    return (
      <EmptyState title="The first build is running" busy>
        <p>The program starts here as soon as it is built. The Build page has its log.</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState title="Nothing is built yet">
      <p>The first build failed. Mend the source and save it: the build starts by itself.</p>
    </EmptyState>
  );
}

function ComponentWords({ program, state }: { readonly program: Program; readonly state: DevState }): JSX.Element {
  const target = state.project.path;
  return (
    <EmptyState title="No browser runs a component">
      <p>
        <code>{program.module?.slice(1) ?? state.project.name}</code> is a WebAssembly component. Browsers run core modules only,
        so this one is run natively, in a terminal:
      </p>
      <CopyableCommand command={`wasmrun exec ${quote(target)}`} />
      <p class="muted">
        {state.project.is_file
          ? "What is in it is on the Module page."
          : "The Module and Build pages work as ever, and each save builds it anew."}
      </p>
    </EmptyState>
  );
}

function quote(path: string): string {
  return /^[\w./\\:-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
