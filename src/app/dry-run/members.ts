import type { VirtualServerOptions } from "../../config/care-options.ts";
import { adoptedState, adoptServer, joiningState, type Beginning } from "../../desired/adoption.ts";
import { atWeights, isDrained, type Evidence, type MemberState } from "../../desired/member.ts";
import { NO_OVERLAY, type Overlay } from "../../desired/next.ts";
import { formatEndpoint } from "../../domain/endpoint.ts";
import { isListedDrained } from "../../domain/in-service.ts";
import type { Holds } from "../../domain/hold.ts";
import type { RealServerStatus, VirtualServerStatus } from "../../domain/status.ts";
import type { ObservedVirtualServer, RealServer } from "../../domain/virtual-server.ts";
import type { VirtualServerConfiguration } from "../../domain/virtual-server-configuration.ts";

/** All that is known of one virtual server when it is asked what would be done for it. */
export interface KnownVirtualServer {
  readonly configuration: VirtualServerConfiguration & Pick<VirtualServerOptions, "clusterDrains">;
  /** As it stands in the data plane. */
  readonly observed: ObservedVirtualServer | undefined;
  readonly holds: Holds;
  /** As the daemon that cares for it tells; undefined where none does, or none that answers. */
  readonly running?: VirtualServerStatus;
  /** It is set up once, without checks; or a daemon begins with it, or the one that runs goes on with it. */
  readonly how: "once" | "start" | "reload";
}

/** As a daemon that starts would take them from the table, or as they are set up once. */
export function membersAtStart({
  configuration,
  observed,
  holds,
  running,
  how,
}: KnownVirtualServer): readonly MemberState[] {
  const { realServers, initState, drained } = configuration;
  return realServers.map((configured): MemberState => {
    const name = formatEndpoint(configured.endpoint);
    const requests = { hold: holds.get(name), isDrainedByConfiguration: drained.has(name) };
    const beginning = adoptedState(configured, observed, how === "once" ? "up" : initState, isDrained(requests));
    const server = adoptServer(configured, observed);
    const member = begun(name, server, beginning, requests);
    const before = how === "once" ? undefined : running?.realServers.find(({ address }) => address === name);
    // Why it is not in the table, another daemon will find out, too.
    const isDown = before !== undefined && beginning.state !== "healthy" && before.lastVerdict?.passed === false;
    return isDown ? { ...member, evidence: "failed" } : member;
  });
}

/** Those that are listed now, and those that were until now. */
export function membersOfDaemon({
  configuration,
  observed,
  holds,
  running,
}: KnownVirtualServer): readonly MemberState[] {
  const { realServers, initState, drained } = configuration;
  const told = new Map(running?.realServers.map((server) => [server.address, server]));
  const isMember = (status: RealServerStatus | undefined): status is RealServerStatus =>
    status !== undefined && status.state !== "unlisted" && status.state !== "leaving";
  const listed = realServers.map((configured): MemberState => {
    const name = formatEndpoint(configured.endpoint);
    const status = told.get(name);
    const requests = { hold: holds.get(name), isDrainedByConfiguration: drained.has(name) };
    const server = adoptServer(configured, observed);
    if (isMember(status)) return asTold(name, server, status, requests);
    const beginning = joiningState(configured, observed, initState, undefined, isDrained(requests));
    return begun(name, server, beginning, requests);
  });
  const names = new Set(listed.map(({ name }) => name));
  const leaving = (observed?.realServers ?? []).flatMap(({ server }): MemberState[] => {
    const name = formatEndpoint(server.endpoint);
    const status = told.get(name);
    if (names.has(name) || !isMember(status)) return [];
    const requests = { hold: holds.get(name), isDrainedByConfiguration: isListedDrained(status) };
    return [{ ...asTold(name, server, status, requests), isLeaving: true }];
  });
  return [...listed, ...leaving];
}

/** What lies over the health of the real servers in a running daemon. */
export function overlayOfDaemon({ observed, running, configuration }: KnownVirtualServer): Overlay {
  const listed = new Set(configuration.realServers.map(({ endpoint }) => formatEndpoint(endpoint)));
  const leaving = new Set(
    running?.realServers.filter(({ state, address }) => state === "leaving" && !listed.has(address)).map(addressOf),
  );
  const departures = (observed?.realServers ?? []).flatMap(({ server }) => {
    const name = formatEndpoint(server.endpoint);
    if (!leaving.has(name)) return [];
    const { drained } = atWeights(server);
    return [[name, { drained, history: "none", sinceMs: undefined, connections: undefined }] as const];
  });
  const { failOpen, lastResort, realServers = [] } = running ?? {};
  const serving = new Set(realServers.filter(({ weight = 0 }) => weight > 0).map(addressOf));
  return {
    ...NO_OVERLAY,
    failOpen: failOpen && { sinceMs: 0, retained: serving, healthy: failOpen.healthy, total: failOpen.total },
    lastResort: lastResort && { sinceMs: 0, retained: new Set(lastResort.held), total: lastResort.total },
    departures: new Map(departures),
  };
}

// --- internal ---

type Requests = Pick<MemberState, "hold" | "isDrainedByConfiguration">;

function begun(name: string, server: RealServer, { state, history }: Beginning, requests: Requests): MemberState {
  const evidence: Evidence = state === "recovering" ? "none" : "table";
  return { name, ...atWeights(server), state, evidence, history, share: 0, ...requests, isLeaving: false };
}

function evidenceOf(lastVerdict: RealServerStatus["lastVerdict"]): Evidence {
  if (lastVerdict === undefined) return "table";
  if (lastVerdict.passed) return "passed";
  if (lastVerdict.decided === true) return "declined";
  return lastVerdict.leaving === true ? "leaving" : "failed";
}

function asTold(name: string, server: RealServer, status: RealServerStatus, requests: Requests): MemberState {
  const { lastVerdict, weight = 0 } = status;
  const state = status.health ?? "healthy";
  return {
    name,
    ...atWeights(server),
    state,
    evidence: evidenceOf(lastVerdict),
    history: lastVerdict?.passed === true || state === "healthy" ? "proven" : weight > 0 ? "served" : "none",
    share: state === "recovering" ? Math.min(1, weight / server.weight) : 0,
    ...requests,
    ...(lastVerdict?.passed === true && lastVerdict.advice && { advice: lastVerdict.advice }),
    ...(status.asked && { asked: status.asked }),
    isLeaving: false,
  };
}

function addressOf({ address }: RealServerStatus): string {
  return address;
}
