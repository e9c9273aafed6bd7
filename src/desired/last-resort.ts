import { isDrainedByOperator, type MemberState } from "./member.ts";

/** No real server is healthy: the retained ones stay in service, or come back, since none is better. */
export interface LastResort {
  readonly sinceMs: number;
  /** Formatted endpoints. */
  readonly retained: ReadonlySet<string>;
  /** How many there are to choose from: those that no operator drained. */
  readonly total: number;
}

/**
 * Whether servers that fail their checks are better than none. A fault that all of them share, such as the store
 * behind them, must not empty the virtual server: one that still takes connections may still serve. Retained are
 * those that served before and whose last check got a connection. A server that refuses or cannot be reached is no
 * help: with none left, clients are refused at once, which is better than a wait. The last resort never lasts beside
 * a server whose checks pass. A server that an operator drains meanwhile keeps its open connections for as long as
 * others are retained.
 */
export function nextLastResort(
  current: LastResort | undefined,
  members: readonly MemberState[],
  nowMs: number,
): LastResort | undefined {
  const retained = new Set<string>();
  let total = 0;
  let isAnybodyLeft = false;
  for (const member of members) {
    const { name, state, share, evidence, history } = member;
    const isDrained = isDrainedByOperator(member);
    if (!isDrained) {
      // While it climbs it is good by its checks, too.
      if (state === "healthy" || share > 0) return undefined;
      total++;
    }
    const accepts = evidence === "passed" || evidence === "failed";
    if (history === "none" || !accepts || (isDrained && current?.retained.has(name) !== true)) continue;
    retained.add(name);
    isAnybodyLeft ||= !isDrained;
  }
  return isAnybodyLeft ? { sinceMs: current?.sinceMs ?? nowMs, retained, total } : undefined;
}
