import { isDrainedByOperator, type MemberState } from "./member.ts";

/** No real server is healthy: those that are retained stay in service, or come back, since nobody is better. */
export interface LastResort {
  readonly sinceMs: number;
  /** Formatted endpoints. */
  readonly retained: ReadonlySet<string>;
  /** How many there are to choose from: those that no operator drained. */
  readonly total: number;
}

/**
 * Whether those that fail their checks are better than nobody. What all of them share, such as the store behind them, must not empty the virtual
 * server: whoever still takes connections may still serve. Retained are those that served before and whose last check got a connection; who refuses
 * or cannot be reached is no help, and with nobody left clients are refused at once, which is better than to wait. It never lasts beside a
 * server that is good by its checks. Whom an operator drains meanwhile keeps its open connections for as long as others are retained.
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
