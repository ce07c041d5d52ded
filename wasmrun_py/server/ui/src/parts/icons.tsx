// The page's few drawings, in the text's colour.
import type { JSX } from "preact";

const PATHS = {
  play: "M5 3.5v9l7.500-4.500z",
  stop: "M4 4h8v8H4z",
  rebuild: "M13 8a5 5 0 1 1-1.600-3.700M13 2v3h-3",
  open: "M9 3h4v4M13 3 7.500 8.500M11 9.500V13H3V5h3.500",
  check: "M3.500 8.500 6.500 11.500 12.500 4.500",
  cross: "M4 4l8 8M12 4l-8 8",
  sun: "M8 5.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600M8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1.100 1.100M11.900 11.900 13 13M3 13l1.100-1.100M11.900 4.100 13 3",
  moon: "M13 9.500A5.500 5.500 0 1 1 6.500 3a4.500 4.500 0 0 0 6.500 6.500z",
  auto: "M8 2.500a5.500 5.500 0 1 0 0 11zM8 2.500a5.500 5.500 0 0 1 0 11",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  left: "M10 3.500 5.500 8l4.500 4.500",
  right: "M6 3.500 10.500 8 6 12.500",
} as const;

const FILLED: ReadonlySet<string> = new Set(["play", "stop"]);

export function Icon({ name }: { readonly name: keyof typeof PATHS }): JSX.Element {
  const filled = FILLED.has(name);
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill={filled ? "currentColor" : "none"}
        stroke={filled ? "none" : "currentColor"}
        stroke-width="1.600"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

export function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path
        fill="var(--accent-strong)"
        d="M4 0h7a5 5 0 0 0 10 0h7a4 4 0 0 1 4 4v24a4 4 0 0 1-4 4H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4z"
      />
      <path fill="#fff" d="M11 12.500 24 20l-13 7.500z" />
    </svg>
  );
}
