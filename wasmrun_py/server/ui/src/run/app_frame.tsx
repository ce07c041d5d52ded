// A web app inside the page, with the way out into a tab of its own. The app has the reload client in it, so that
// nothing here has to follow the builds.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icons";

/** What the page made for a pair of .js and .wasm tells of its program. */
interface Told {
  readonly source: "wasmrun-app";
  readonly type: "ready" | "stdout" | "stderr" | "exit" | "error";
  readonly code?: number;
  readonly text?: string;
}

export function AppFrame({ address }: { readonly address: string }): JSX.Element {
  const frame = useRef<HTMLIFrameElement>(null);
  const [told, setTold] = useState<Told | null>(null);
  useEffect(() => {
    const hear = (event: MessageEvent<unknown>): void => {
      const { data } = event;
      if (event.origin !== location.origin || event.source !== frame.current?.contentWindow || !isTold(data)) return;
      if (data.type !== "stdout" && data.type !== "stderr") setTold(data);
    };
    addEventListener("message", hear);
    return () => removeEventListener("message", hear);
  }, []);
  const [words, tone] = describe(told);
  return (
    <div class="card frame">
      <div class="bar">
        <span class="address">
          {location.host}
          <b>{address}</b>
        </span>
        <p class={`outcome ${tone}`} role="status" data-testid="outcome">
          {words}
        </p>
        <button type="button" class="quiet small" onClick={() => frame.current?.contentWindow?.location.reload()}>
          <Icon name="rebuild" /> Reload
        </button>
        <a class="button quiet small" href={address} target="_blank" rel="noopener">
          <Icon name="open" /> <span>Open in a tab</span>
        </a>
      </div>
      <iframe ref={frame} src={address} title="The app" data-wasmrun="" data-testid="app-frame" />
    </div>
  );
}

function isTold(data: unknown): data is Told {
  return typeof data === "object" && data !== null && "source" in data && data.source === "wasmrun-app";
}

function describe(told: Told | null): [string, string] {
  if (told?.type === "ready") return ["Running", "building"];
  if (told?.type === "exit") return [`Exit code ${told.code ?? "?"}`, told.code === 0 ? "ok" : "failed"];
  if (told?.type === "error") return ["Failed", "failed"];
  return ["", ""];
}
