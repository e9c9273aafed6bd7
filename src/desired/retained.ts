import { isChecked, isOutOnPurpose, type MemberState } from "./member.ts";

/** Too few real servers are healthy: the retained ones stay in service, whatever their checks say. */
export interface FailOpen {
  readonly sinceMs: number;
  /** Formatted endpoints. */
  readonly retained: ReadonlySet<string>;
  readonly healthy: number;
  readonly total: number;
}

/**
 * The members whose health counts: a drain on purpose is no failure, be it an operator's or the server's own, and
 * fail-open does not undo it.
 */
export function accountable(members: readonly MemberState[]): readonly MemberState[] {
  return members.filter((member) => !isOutOnPurpose(member) && member.evidence !== "leaving");
}

/**
 * Whether to ignore health now, judged by the members that count. It begins only when every one of them has a
 * verdict, so that a start is not taken for an outage. Every server that is not removed is retained: while it lasts
 * no server is taken out, and one that comes back stays. If none is left, all are retained once each was checked: an
 * empty table is no reason to send clients to dead servers.
 */
export function nextFailOpen(
  current: FailOpen | undefined,
  members: readonly MemberState[],
  panicThreshold: number,
  nowMs: number,
): FailOpen | undefined {
  const total = members.length;
  const healthy = members.filter(({ state }) => state === "healthy").length;
  if (healthy * 100 >= panicThreshold * total) return undefined;
  if (current === undefined && members.some(({ evidence }) => evidence === "none")) return undefined;
  const retained = new Set(current?.retained);
  for (const { name, state } of members) {
    if (state === "healthy" || state === "draining") retained.add(name);
  }
  if (retained.size === 0) {
    if (!members.every(isChecked)) return undefined;
    for (const { name } of members) retained.add(name);
  }
  return { sinceMs: current?.sinceMs ?? nowMs, retained, healthy, total };
}

/** No real server is healthy: the retained ones stay in service, or come back, since none is better. */
export interface LastResort {
  readonly sinceMs: number;
  /** Formatted endpoints. */
  readonly retained: ReadonlySet<string>;
  /** How many there are to choose from: those that nobody drained. */
  readonly total: number;
}

/**
 * Whether servers that fail their checks are better than none. A fault that all of them share, such as the store
 * behind them, must not empty the virtual server: one that still takes connections may still serve. Retained are
 * those that served before and whose last check got a connection. A server that refuses or cannot be reached is no
 * help: with none left, clients are mostly refused at once, which is better than a wait. The last resort never lasts beside
 * a server whose checks pass. A server that is drained meanwhile keeps its open connections for as long as
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
    const mayServe = !isOutOnPurpose(member);
    if (mayServe) {
      // While it climbs it is good by its checks, too.
      if (state === "healthy" || share > 0) return undefined;
      total++;
    }
    const accepts = evidence === "passed" || evidence === "failed" || evidence === "leaving";
    if (history === "none" || !accepts || (!mayServe && current?.retained.has(name) !== true)) continue;
    retained.add(name);
    isAnybodyLeft ||= mayServe;
  }
  return isAnybodyLeft ? { sinceMs: current?.sinceMs ?? nowMs, retained, total } : undefined;
}
