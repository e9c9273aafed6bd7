import type { OptionRow } from "./option-row.ts";

/** The most likely intended name; undefined when none is near. Case, and `_` for `-`, do not matter. */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  const wanted = normalise(typed);
  // Long input is no typing slip, and measuring it would cost time for nothing.
  if (wanted === "" || wanted.length > 64) return undefined;
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of names) {
    // As many insertions or deletions it takes at the least.
    if (best !== undefined && Math.abs(name.length - wanted.length) >= best.distance) continue;
    const distance = editDistance(wanted, normalise(name));
    if (best === undefined || distance < best.distance) best = { name, distance };
  }
  if (best === undefined) return undefined;
  const bearable = Math.max(1, Math.floor(Math.min(wanted.length, best.name.length) / 3));
  return best.distance <= bearable ? best.name : undefined;
}

/**
 * The most likely intended option for an unknown name: another program's word for it, or a typing error in a name of
 * at least `shortest` letters.
 */
export function nearestOption(typed: string, rows: readonly OptionRow[], shortest = 1): OptionRow | undefined {
  const known = rows.find(({ alsoCalled }) => alsoCalled?.includes(normalise(typed)));
  if (known !== undefined || typed.length < shortest) return known;
  const flags = rows.map(({ flag }) => flag);
  const meant = nearestName(typed, flags);
  return rows.find(({ flag }) => flag === meant);
}

/** Fewest insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
export function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    rows.push(current);
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : replaced;
      current.push(Math.min(replaced, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}

// --- internal ---

function normalise(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
