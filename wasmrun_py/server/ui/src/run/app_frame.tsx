// A web app inside the page, with the way out into a tab of its own.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { Icon } from "../parts/icons";

/** The app has the reload client in it, so that nothing here has to follow the builds. */
export function AppFrame({ address }: { readonly address: string }): JSX.Element {
  const frame = useRef<HTMLIFrameElement>(null);
  const reload = (): void => frame.current?.contentWindow?.location.reload();
  return (
    <div class="card frame">
      <div class="bar">
        <span class="address">
          {location.host}
          <b>{address}</b>
        </span>
        <button type="button" class="quiet small" onClick={reload}>
          <Icon name="rebuild" /> Reload
        </button>
        <a class="button quiet small" href={address} target="_blank" rel="noopener">
          <Icon name="open" /> Open in a tab
        </a>
      </div>
      <iframe ref={frame} src={address} title="The app" data-wasmrun="" data-testid="app-frame" />
    </div>
  );
}
