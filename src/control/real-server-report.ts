import type { EventReport } from "../domain/event-record.ts";
import type { RealServerStatus, TransitionStatus, VirtualServerStatus } from "../domain/status.ts";

/** All that is known of one real server, for who asks for it alone. */
export interface RealServerReport {
  readonly realServer: RealServerStatus;
  /** The last ten times that its checks failed, the last one first. */
  readonly failures: readonly FailedChecks[];
  /** How its state changed, the last ten times that are remembered, the last one first. */
  readonly transitions: readonly TransitionStatus[];
}

/** Failed checks in a row with the same reason: the first, the last and how many. */
export interface FailedChecks {
  readonly reason: string;
  readonly since: string;
  readonly at: string;
  readonly count: number;
}

/** Undefined where the virtual server has no such real server. */
export function realServerReport(
  server: string,
  { realServers }: VirtualServerStatus,
  { events }: EventReport,
  failuresOf: (address: string) => readonly FailedChecks[],
): RealServerReport | undefined {
  const realServer = realServers.find(({ address, name }) => address === server || name === server);
  if (realServer === undefined) return undefined;
  const transitions = events.flatMap((event): TransitionStatus[] => {
    const { at, from, to, message } = event;
    if (event.server !== realServer.address || from === undefined || to === undefined) return [];
    return [{ at, from, to, reason: message.slice(message.indexOf(": ") + 2) }];
  });
  return {
    realServer,
    failures: failuresOf(realServer.address),
    transitions: transitions.slice(-MOST_TRANSITIONS).toReversed(),
  };
}

// --- internal ---

const MOST_TRANSITIONS = 10;
