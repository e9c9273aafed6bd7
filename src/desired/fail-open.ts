import { isChecked, isDrainedByOperator, type MemberState } from "./member.ts";

/** Too few real servers are healthy: the retained ones stay in service, whatever their checks say. */
export interface FailOpen {
  readonly sinceMs: number;
  /** Formatted endpoints. */
  readonly retained: ReadonlySet<string>;
  readonly healthy: number;
  readonly total: number;
}

/** The members whose health counts: an operator's drain is no failure, and fail-open does not undo it. */
export function accountable(members: readonly MemberState[]): readonly MemberState[] {
  return members.filter((member) => !isDrainedByOperator(member));
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
