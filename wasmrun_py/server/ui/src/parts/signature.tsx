// A function's type, with its value types in their colours.
import type { JSX } from "preact";

interface Props {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

export function Signature({ params, results }: Props): JSX.Element {
  return (
    <span class="signature">
      ({list(params)}){results.length > 0 && <> → {results.length > 1 ? <>({list(results)})</> : list(results)}</>}
    </span>
  );
}

function list(types: readonly string[]): JSX.Element[] {
  return types.map((type, place) => (
    <span key={place}>
      {place > 0 && ", "}
      <span class={`type ${/^[if]\d\d$/.test(type) ? type : "ref"}`}>{type}</span>
    </span>
  ));
}
