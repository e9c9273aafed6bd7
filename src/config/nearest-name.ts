/** The name that was most likely meant, or undefined when none is near: case and `_` for `-` count for nothing. */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  const wanted = normalise(typed);
  // Long input is no typing slip, and measuring it would cost time for nothing.
  if (wanted === "" || wanted.length > 64) return undefined;
  const ranked = names
    .map((name) => ({ name, distance: editDistance(wanted, normalise(name)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  if (best === undefined) return undefined;
  const bearable = Math.max(1, Math.floor(Math.min(wanted.length, best.name.length) / 3));
  return best.distance <= bearable ? best.name : undefined;
}

/** Fewest insertions, deletions and replacements that turn one text into the other (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

// --- internal ---

function normalise(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
