// What stopped a module, with the wasm part of its stack.
import type { JSX } from "preact";
import { useContext } from "preact/hooks";
import type { Trap } from "../worker/messages";
import { formatHex } from "./format";
import { FunctionNames } from "./function_names";

const MOST_FRAMES = 40;

export function TrapView({ trap }: { readonly trap: Trap }): JSX.Element {
  const names = useContext(FunctionNames);
  return (
    <div class="trap" data-testid="trap">
      <p class="words">
        <strong>Trap</strong> {trap.message}
      </p>
      {trap.frames.length > 0 && (
        <ol aria-label="Backtrace">
          {trap.frames.slice(0, MOST_FRAMES).map((frame, place) => (
            <li key={place}>
              <span class="number">{place}</span>
              <span class="name">{frame.name ?? names.get(frame.index ?? -1) ?? `function ${frame.index ?? "?"}`}</span>
              {frame.offset !== null && <span class="offset">{formatHex(frame.offset)}</span>}
            </li>
          ))}
        </ol>
      )}
      {trap.frames.length > MOST_FRAMES && <p class="more">… and {trap.frames.length - MOST_FRAMES} frames more</p>}
    </div>
  );
}
