import type { GivenOptions, OptionRow } from "./option-row.ts";

/** Options that were given, as arguments that give them again; in the order of the rows. */
export function argumentsOf(given: GivenOptions, rows: readonly OptionRow[]): string[] {
  return rows.flatMap(({ flag, kind }) => {
    const texts = given.get(flag)?.texts ?? [];
    if (kind === "boolean") return texts.slice(-1).map((text) => `--${flag}=${text}`);
    const counted = kind === "text" ? texts.slice(-1) : texts;
    return counted.flatMap((text) => (text.startsWith("-") ? [`--${flag}=${text}`] : [`--${flag}`, text]));
  });
}
