import type { ApplyReport } from "./apply-plan.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import type { RealServerState } from "../domain/health.ts";
import type { Hold } from "../domain/hold.ts";
import type { DesiredVirtualServer } from "../domain/plan.ts";
import type { ObservedVirtualServer, RealServer, VirtualServer } from "../domain/virtual-server.ts";

/** What the supervisor knows of one real server that it was given. */
export interface MemberState {
  /** Its formatted endpoint. */
  readonly name: string;
  readonly server: RealServer;
  /** The same at weight 0. */
  readonly drained: RealServer;
  readonly state: RealServerState;
  /** A check of ours found it good, or it was to be trusted without. */
  readonly proven: boolean;
  /** There has been a verdict on it, or the table told its state. */
  readonly judged: boolean;
  /** There has been a verdict on it. */
  readonly checked: boolean;
  /** Clients may have been sent to it: a check of ours found it good, ever, or it stood with a weight when we came. */
  readonly served: boolean;
  /** Its last verdict was that there is not even a connection to be had. */
  readonly unreachable: boolean;
  /** Its last check got a connection, whatever became of it then. */
  readonly accepts: boolean;
  /** The part of its weight that it has while it climbs: 0 to 1. */
  readonly share: number;
  readonly hold: Hold | undefined;
}

/** The two ways in which a real server mostly stands, made once: what is the same object in two rounds need not be compared. */
export function atWeights(server: RealServer): Pick<MemberState, "server" | "drained"> {
  return { server, drained: { ...server, weight: 0 } };
}

/** A real server in our service that nobody listed: it stands at weight 0 for one interval before it goes. */
export interface Departure {
  /** As it was found, with the weight it had. */
  readonly server: RealServer;
  readonly sinceMs: number;
}

/**
 * What to do with those that nobody lists. Until one of ours is known to answer, they may be all that clients have: what stood in the
 * table from before is no proof that it still works, and one that an operator drained answers nobody.
 */
export function foreignRule(
  members: readonly MemberState[],
  asked: DesiredVirtualServer["foreign"],
): DesiredVirtualServer["foreign"] {
  const serves = ({ state, proven, hold }: MemberState): boolean =>
    state === "healthy" && proven && hold?.drained !== true;
  return members.some(serves) ? asked : "keep";
}

/**
 * State chart to table: healthy stands at full weight, draining at 0, recovering at its share of the weight while it climbs; the others
 * are absent. Over that lie fail-open and the last resort, which hold real servers at full weight whatever their state, and what an operator
 * asked for. Those that they let go of stay at 0 for as long as they stand.
 */
export function desiredState(
  service: VirtualServer,
  members: readonly MemberState[],
  departures: readonly Departure[],
  foreign: DesiredVirtualServer["foreign"],
  held: ReadonlySet<string> = new Set(),
  released: ReadonlySet<string> = new Set(),
): DesiredVirtualServer {
  const leaving = departures.map(({ server }) => (foreign === "keep" ? server : { ...server, weight: 0 }));
  const realServers: RealServer[] = [];
  const absent: Endpoint[] = [];
  for (const member of members) {
    const { name, state, share, drained } = member;
    if (state === "healthy" || held.has(name)) realServers.push(asAsked(member));
    else if (state === "draining") realServers.push(drained);
    else if (share > 0) realServers.push({ ...drained, weight: Math.ceil(asAsked(member).weight * share) });
    else {
      absent.push(drained.endpoint);
      if (released.has(name)) leaving.push(drained);
    }
  }
  return { service, realServers, leaving, absent, foreign };
}

/**
 * The first state of a real server, from what stands in the data plane: weight 0 means that it was being drained (unless an operator
 * drained it), absent that it had been removed. With no service yet nothing is known of anyone. `up` enters everyone unprobed, whatever
 * stands there.
 */
export function adoptedState(
  server: RealServer,
  observed: ObservedVirtualServer | undefined,
  initState: "down" | "up",
  hold?: Hold,
): { readonly state: RealServerState; readonly unproven: boolean } {
  if (initState === "up") return { state: "healthy", unproven: false };
  if (observed === undefined) return { state: "recovering", unproven: true };
  const standing = find(observed, server.endpoint);
  if (standing === undefined) return { state: "removed", unproven: false };
  const wasFailing = standing.weight === 0 && hold?.drained !== true;
  return { state: wasFailing ? "draining" : "healthy", unproven: false };
}

/**
 * Takes over what stands in the data plane and no option of ours speaks of (forwarding, connection limits), so that the first write
 * does not reset it. A server that was removed comes back with the forwarding of its fellows, where they all have the same.
 */
export function adoptServer(server: RealServer, observed: ObservedVirtualServer | undefined): RealServer {
  if (observed === undefined) return server;
  const standing = find(observed, server.endpoint);
  return standing === undefined ? { ...server, ...commonForwarding(observed) } : { ...standing, weight: server.weight };
}

/** As `adoptServer`, for the virtual server: the scheduler is ours to say, flags and persistence stay as they are. */
export function adoptService(service: VirtualServer, observed: ObservedVirtualServer | undefined): VirtualServer {
  return observed === undefined ? service : { ...observed.service, scheduler: service.scheduler };
}

/** Those in the table with a weight whom nobody listed. */
export function strangers(
  observed: ObservedVirtualServer | undefined,
  listed: ReadonlySet<string>,
): readonly RealServer[] {
  return (observed?.realServers ?? [])
    .map(({ server }) => server)
    .filter((server) => server.weight > 0 && !listed.has(formatEndpoint(server.endpoint)));
}

/**
 * Who departs after a round that began with these strangers having a weight: sent away, they are drained from now on at the earliest,
 * and with the weight they had then; kept, they are their owners' again. Nobody is forgotten before he is gone.
 */
export function departuresAfter(
  departures: ReadonlyMap<string, Departure>,
  strangers: readonly RealServer[],
  foreign: DesiredVirtualServer["foreign"],
  { observed, operations }: Pick<ApplyReport, "observed" | "operations">,
  nowMs: number,
): ReadonlyMap<string, Departure> {
  if (strangers.length === 0 && departures.size === 0) return departures;
  const standing = new Set(observed?.realServers.map(({ server }) => formatEndpoint(server.endpoint)));
  const drained = new Set<string>();
  for (const operation of operations) {
    if (operation.kind === "server.remove") standing.delete(formatEndpoint(operation.endpoint));
    if (operation.kind === "server.update") drained.add(formatEndpoint(operation.server.endpoint));
  }
  // With a weight of their own, they are not departing unless this round drained them.
  const weighted = new Map(strangers.map((server) => [formatEndpoint(server.endpoint), server]));
  const left = [...departures].filter(([key]) => standing.has(key) && !weighted.has(key));
  const begun = [...weighted].filter(([key]) => foreign === "remove" && drained.has(key));
  return new Map([...left, ...begun.map(([key, server]) => [key, { server, sinceMs: nowMs }] as const)]);
}

/** Kept in service, they are not departing: their time begins anew when they no longer are. */
export function departuresAt(
  departures: ReadonlyMap<string, Departure>,
  foreign: DesiredVirtualServer["foreign"],
  nowMs: number,
): ReadonlyMap<string, Departure> {
  if (foreign === "remove") return departures;
  return new Map([...departures].map(([key, departure]) => [key, { ...departure, sinceMs: nowMs }]));
}

/** Whose time is not up. A round comes once each interval; half of one is asked for, because timers may fire a little early. */
export function mayStillStand({ sinceMs }: Departure, nowMs: number, intervalMs: number): boolean {
  return nowMs - sinceMs < intervalMs / 2;
}

// --- internal ---

/** At its full weight, or at that which an operator asked for. */
function asAsked({ server, drained, hold }: MemberState): RealServer {
  if (hold === undefined) return server;
  if (hold.drained) return drained;
  return hold.weight === undefined ? server : { ...server, weight: hold.weight };
}

function commonForwarding(observed: ObservedVirtualServer): Partial<RealServer> {
  const ways = observed.realServers.map(({ server: { forwarding, tunnelType, tunnelPort, tunnelFlags } }) => ({
    forwarding,
    ...(tunnelType && { tunnelType }),
    ...(tunnelPort && { tunnelPort }),
    ...(tunnelFlags && { tunnelFlags }),
  }));
  const isCommon = new Set(ways.map((way) => JSON.stringify(way))).size === 1;
  return isCommon ? (ways[0] ?? {}) : {};
}

function find(observed: ObservedVirtualServer, endpoint: Endpoint): RealServer | undefined {
  const key = formatEndpoint(endpoint);
  return observed.realServers.find(({ server }) => formatEndpoint(server.endpoint) === key)?.server;
}
