// Light, dark, or as the system has it; remembered for this origin.

export type Theme = "auto" | "light" | "dark";

const KEY = "wasmrun:theme";
const ORDER: readonly Theme[] = ["auto", "light", "dark"];

export function readTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

export function applyTheme(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  localStorage.setItem(KEY, theme);
  dispatchEvent(new Event("wasmrun:theme"));
}

export function nextTheme(theme: Theme): Theme {
  return ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? "auto";
}

/** Calls back whenever the colours have changed; gives the way to stop. */
export function onThemeChange(call: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  addEventListener("wasmrun:theme", call);
  system.addEventListener("change", call);
  return () => {
    removeEventListener("wasmrun:theme", call);
    system.removeEventListener("change", call);
  };
}
