// What is typed into the Run form, taken apart: a shell's words, and NAME=VALUE lines.

/** Words as a POSIX shell splits them: quotes and backslashes, and nothing expanded. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let place = 0; place < line.length; place += 1) {
    const sign = line.charAt(place);
    if (quote === "'") {
      if (sign === "'") quote = "";
      else word += sign;
    } else if (sign === "\\") {
      place += 1;
      const next = line.charAt(place);
      word = (word ?? "") + (quote === '"' && !'"\\$`'.includes(next) ? `\\${next}` : next);
    } else if (quote) {
      if (sign === quote) quote = "";
      else word += sign;
    } else if (sign === "'" || sign === '"') {
      quote = sign;
      word ??= "";
    } else if (/\s/.test(sign)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + sign;
  }
  if (quote) throw new Error(`the quote ${quote} is not closed`);
  if (word !== null) words.push(word);
  return words;
}

/** `NAME=VALUE` lines; empty lines and those that begin with # say nothing. */
export function splitEnvironment(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => line && !line.startsWith("#"));
  for (const line of said) {
    if (!/^[^=\s]+=/.test(line)) throw new Error(`“${line}” is not NAME=VALUE`);
  }
  return said;
}
