// Names for functions that a stack knows by their number only: what the module's description calls them.
import { createContext } from "preact";
import type { ModuleView } from "../api";

export const FunctionNames = createContext<ReadonlyMap<number, string>>(new Map());

export function listFunctionNames(view: ModuleView | null): ReadonlyMap<number, string> {
  const named = view?.functions.flatMap((each) => (each.name === null ? [] : [[each.index, each.name] as const]));
  return new Map(named);
}
