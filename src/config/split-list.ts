import { LvscareError } from "../domain/errors.ts";

/**
 * The entries of a comma list by CSV rules, so that an entry in double quotes may hold commas and a doubled quote
 * means one. Blanks around an entry are dropped; blank text is an empty list.
 */
export function splitList(text: string): string[] {
  if (text.trim() === "") return [];
  const entries: string[] = [];
  let rest = text;
  for (;;) {
    const match = ENTRY.exec(rest);
    if (match === null) {
      // The text is not shown: it may be a list of headers, and those hold secrets.
      throw new LvscareError("USAGE", `the quotes in entry ${entries.length + 1} of the list do not match`);
    }
    const [whole, quoted, bare = ""] = match;
    entries.push(quoted === undefined ? bare.trim() : quoted.replaceAll('""', '"'));
    if (whole.length === rest.length) return entries;
    rest = rest.slice(whole.length + 1);
  }
}

// --- internal ---

const ENTRY = /^\s*(?:"((?:[^"]|"")*)"\s*|([^",]*))(?=,|$)/;
