import type { MemberState } from "./desired-state.ts";

/** No real server is healthy: those that are held stay in service, or come back, since nobody is better. */
export interface LastResort {
  readonly sinceMs: number;
  /** Formatted endpoints. */
  readonly held: ReadonlySet<string>;
  /** How many there are to choose from: those that no operator drained. */
  readonly total: number;
}

/**
 * Whether those that fail their checks are better than nobody. What all of them share, such as the store behind them, must not empty the virtual
 * server: whoever still takes connections may still serve. Held are those that served before and whose last check got a connection; who refuses
 * or cannot be reached is no help, and with nobody left clients are refused at once, which is better than to wait. It never lasts beside a
 * server that is good by its checks. Whom an operator drains meanwhile keeps its open connections for as long as others are held.
 */
export function nextLastResort(
  current: LastResort | undefined,
  members: readonly MemberState[],
  nowMs: number,
): LastResort | undefined {
  const held = new Set<string>();
  let total = 0;
  let isAnybodyLeft = false;
  for (const { name, state, share, served, accepts, hold } of members) {
    const isDrained = hold?.drained === true;
    if (!isDrained) {
      // While it climbs it is good by its checks, too.
      if (state === "healthy" || share > 0) return undefined;
      total++;
    }
    if (!served || !accepts || (isDrained && current?.held.has(name) !== true)) continue;
    held.add(name);
    isAnybodyLeft ||= !isDrained;
  }
  return isAnybodyLeft ? { sinceMs: current?.sinceMs ?? nowMs, held, total } : undefined;
}
