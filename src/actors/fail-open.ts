import { formatEndpoint } from "../domain/endpoint.ts";
import type { MemberState } from "./desired-state.ts";

/** Too few real servers are healthy: those that are held stay in service, whatever their checks say. */
export interface FailOpen {
  readonly sinceMs: number;
  /** Formatted endpoints. */
  readonly held: ReadonlySet<string>;
  readonly healthy: number;
  readonly total: number;
}

/** Whose health counts: an operator's drain is no failure, and fail-open does not undo it. */
export function accountable(members: readonly MemberState[]): readonly MemberState[] {
  return members.filter(({ hold }) => hold?.drained !== true);
}

/**
 * Whether health is to be ignored now, by the health of those who are accountable. It begins only when every real server has been judged, so that a start is not taken for an
 * outage. Held are those that were not removed when it began, and whoever became healthy since; where nobody was left, everyone.
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
  if (current === undefined && members.some(({ judged }) => !judged)) return undefined;
  const held = new Set(current?.held);
  for (const { server, state } of members) {
    if (state === "healthy" || (current === undefined && state === "draining"))
      held.add(formatEndpoint(server.endpoint));
  }
  const everyone = members.map(({ server }) => formatEndpoint(server.endpoint));
  return { sinceMs: current?.sinceMs ?? nowMs, held: held.size === 0 ? new Set(everyone) : held, healthy, total };
}
