import { nearestName } from "./nearest-name.ts";
import type { OptionRow } from "./option-row.ts";

/**
 * The option that was most likely meant by a name that is none: another program's word for it, or a slip of the finger in a name of at
 * least `shortest` letters.
 */
export function nearestOption(typed: string, rows: readonly OptionRow[], shortest = 1): OptionRow | undefined {
  const word = typed.toLowerCase().replaceAll("_", "-");
  const known = rows.find(({ alsoCalled }) => alsoCalled?.includes(word));
  if (known !== undefined || typed.length < shortest) return known;
  const flags = rows.map(({ flag }) => flag);
  const meant = nearestName(typed, flags);
  return rows.find(({ flag }) => flag === meant);
}
