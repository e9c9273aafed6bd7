import type { HealthPolicy } from "../domain/health-policy.ts";
import type { RealServer } from "../domain/virtual-server.ts";
import type { AfterDrain } from "./aftermath.ts";
import { isServing, type History, type MemberState } from "./member.ts";

/**
 * A real server that the configuration lists no longer and that gets no new clients. It is not checked any more, and
 * gone when no connection is left or after the time for that, whatever the policy says of failed ones. It never gets
 * its weight back, unless it is listed again.
 */
export interface Departure extends AfterDrain {
  /** As it stood, at weight 0. */
  readonly drained: RealServer;
  /** What was known of it, should it come back. */
  readonly history: History;
}

/** By formatted endpoint. None of them is a member. */
export type Departures = ReadonlyMap<string, Departure>;

export const NO_DEPARTURES: Departures = new Map();

/**
 * Who of the members departs now. A list that is replaced as a whole must not empty the virtual server: as long as no
 * listed server serves, those that leave stay, if clients are sent to them. `takesClients`: by what this round is to
 * establish with all of them. `isWithdrawn`: the whole virtual server leaves, and nobody is waited for.
 */
export function departing(
  members: readonly MemberState[],
  isWithdrawn: boolean,
  takesClients: () => ReadonlySet<string>,
): readonly MemberState[] {
  if (isWithdrawn) return members;
  const leaving = members.filter(({ isLeaving }) => isLeaving);
  if (leaving.length === 0 || members.some((member) => !member.isLeaving && isServing(member))) return leaving;
  const serving = takesClients();
  return leaving.filter(({ name }) => !serving.has(name));
}

/** With these, too: their drain begins with the round that writes it. */
export function withDepartures(departures: Departures, members: readonly MemberState[]): Departures {
  const begun = members.map(({ name, drained, history }): [string, Departure] => [
    name,
    { drained, history, sinceMs: undefined, connections: undefined },
  ]);
  return new Map([...departures, ...begun]);
}

/** At weight 0 in the table as long as they are there, since their time is not over. */
export function stillDeparting(departures: Departures, policy: HealthPolicy, nowMs: number): readonly RealServer[] {
  return [...departures.values()]
    .filter(({ sinceMs, connections }) => {
      const isOver = sinceMs !== undefined && (connections === 0 || nowMs - sinceMs >= policy.drainTimeoutMs);
      return !isOver;
    })
    .map(({ drained }) => drained);
}
