// A web app inside the page, with the way out into a tab of its own.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../parts/icons";

interface Props {
  readonly address: string;
  readonly generation: number;
  /** The app's page has the reload client in it. */
  readonly reloadsItself: boolean;
}

export function AppFrame({ address, generation, reloadsItself }: Props): JSX.Element {
  const frame = useRef<HTMLIFrameElement>(null);
  const first = useRef(generation);
  const reload = (): void => frame.current?.contentWindow?.location.reload();
  useEffect(() => {
    if (reloadsItself || first.current === generation) return;
    first.current = generation;
    reload();
  }, [generation, reloadsItself]);
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
