import { isChecked, isDrainedByOperator, type MemberState } from "./member.ts";

/** Too few real servers are healthy: those that are retained stay in service, whatever their checks say. */
export interface FailOpen {
  readonly sinceMs: number;
  /** Formatted endpoints. */
  readonly retained: ReadonlySet<string>;
  readonly healthy: number;
  readonly total: number;
}

/** Whose health counts: an operator's drain is no failure, and fail-open does not undo it. */
export function accountable(members: readonly MemberState[]): readonly MemberState[] {
  return members.filter((member) => !isDrainedByOperator(member));
}

/**
 * Whether health is to be ignored now, by the health of those who are accountable. It begins only when every one of them has been judged,
 * so that a start is not taken for an outage. Retained are those that are not removed: while it lasts nobody is taken out, and who comes back
 * stays. Where nobody is left it is everyone, once each was checked: what a table says that has nobody in it is no reason to send clients to
 * the dead.
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
