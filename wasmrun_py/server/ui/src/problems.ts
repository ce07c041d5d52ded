// Diagnostics in words: shared by the page and the overlay of an app's page.
import type { Diagnostic } from "./api";

const RANK = { error: 0, warning: 1, note: 2 } as const;

/** `main.c:3:5`, as editors understand it; empty where no file was named. */
export function describePlace(problem: Diagnostic): string {
  if (!problem.file) return "";
  const numbers = [problem.line, problem.column].filter((part) => part !== null);
  return [problem.file, ...numbers].join(":");
}

/** Errors first; otherwise in the compiler's own order. Notes stay behind what they belong to. */
export function orderProblems(problems: readonly Diagnostic[]): readonly Diagnostic[] {
  const groups: Diagnostic[][] = [];
  for (const problem of problems) {
    const last = groups.at(-1);
    if (problem.severity === "note" && last) last.push(problem);
    else groups.push([problem]);
  }
  const rank = (group: Diagnostic[]): number => RANK[group[0]?.severity ?? "note"];
  return groups.sort((one, other) => rank(one) - rank(other)).flat();
}

/** `2 errors, 1 warning`. */
export function countProblems(problems: readonly Diagnostic[]): string {
  const words = (["error", "warning"] as const).flatMap((severity) => {
    const count = problems.filter((problem) => problem.severity === severity).length;
    return count ? [`${count} ${severity}${count === 1 ? "" : "s"}`] : [];
  });
  return words.join(", ");
}
