// The reload client of an app's page: loads it anew when what is served changed, swaps style sheets in place,
// and shows what a failed build said. It must not disturb the page it is a guest of: one shadow root, no globals.
import type { Build, DevState } from "./api";
import { type Change, listen } from "./events";
import { Overlay } from "./overlay";

const SCROLL = "wasmrun:scroll";
const LOADED_FOR = "wasmrun:loaded-for";

function start(): void {
  const overlay = new Overlay();
  let loaded: number | null = null;
  restoreScroll();
  listen({
    state(state) {
      loaded ??= readGeneration(state.generation);
      if (state.generation > 0 && state.generation !== loaded) reload(state.generation);
      else showFailure(overlay, state);
    },
    reload(change) {
      if (change.generation !== loaded) reload(change.generation);
    },
    css(change) {
      loaded = change.generation;
      swapStyles(change);
    },
  });
}

/**
 * Which outputs this page belongs to, as the server wrote it into the page. A page that was loaded
 * for this very generation is never loaded for it again, whatever it says.
 */
function readGeneration(current: number): number {
  const written = document.querySelector<HTMLMetaElement>('meta[name="wasmrun-generation"]')?.content;
  if (written === undefined || readKept(LOADED_FOR) === String(current)) return current;
  return Number(written);
}

function showFailure(overlay: Overlay, state: DevState): void {
  const last: Build | undefined = state.builds.at(-1);
  if (state.status === "failed" && last) {
    // Inside wasmrun's own page that page tells, beside the frame.
    if (!isFramedByWasmrun()) overlay.show(last);
  } else if (state.status === "ok") overlay.hide();
}

function isFramedByWasmrun(): boolean {
  try {
    return window.frameElement?.hasAttribute("data-wasmrun") ?? false;
  } catch {
    return false; // Framed by another origin.
  }
}

function reload(generation: number): void {
  try {
    sessionStorage.setItem(SCROLL, JSON.stringify([location.pathname, scrollX, scrollY]));
    sessionStorage.setItem(LOADED_FOR, String(generation));
  } catch {
    // Storage may be forbidden; then the browser's own restoration has to do.
  }
  location.reload();
}

function readKept(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Back to where the page was: also for pages whose content arrives after the browser has given up. */
function restoreScroll(): void {
  const kept = readKept(SCROLL);
  if (kept === null) return;
  sessionStorage.removeItem(SCROLL);
  const [path, x, y] = JSON.parse(kept) as [string, number, number];
  if (path !== location.pathname || (x === 0 && y === 0)) return;
  let tries = 0;
  const step = (): void => {
    scrollTo(x, y);
    tries += 1;
    if (Math.abs(scrollY - y) > 1 && tries < 40) setTimeout(step, 50);
  };
  addEventListener("load", step);
}

/** Load changed style sheets beside the old ones, which go when the new ones are there: nothing flashes. */
function swapStyles(change: Change): void {
  const links = [...document.querySelectorAll<HTMLLinkElement>('link[rel~="stylesheet"][href]')].filter(
    (link) => new URL(link.href).origin === location.origin,
  );
  const named = links.filter((link) => change.changed.includes(new URL(link.href).pathname));
  // A sheet that another one imports has no link of its own.
  for (const link of named.length === change.changed.length ? named : links) {
    const next = link.cloneNode() as HTMLLinkElement;
    const address = new URL(link.href);
    address.searchParams.set("wasmrun", String(change.generation));
    next.href = address.href;
    next.addEventListener("load", () => link.remove());
    next.addEventListener("error", () => next.remove());
    link.after(next);
  }
}

start();
