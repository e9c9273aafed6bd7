import { adoptedState, adoptServer, adoptService, joiningState, type Beginning } from "../desired/adoption.ts";
import { atWeights, isAbsent, isChecked, isDrained, type Evidence, type MemberState } from "../desired/member.ts";
import { desiredByHealth, nextDesired, NO_OVERLAY, type Overlay } from "../desired/next.ts";
import type { DryRunStep } from "../domain/dry-run.ts";
import { formatDuration } from "../domain/duration.ts";
import { formatEndpoint, hostPrefix } from "../domain/endpoint.ts";
import { describeError, type LvscareError } from "../domain/errors.ts";
import type { Hold, Holds } from "../domain/hold.ts";
import { afterOperations, describeChanges, plan, type DesiredVirtualServer, type Operation } from "../domain/plan.ts";
import type { RealServerStatus, VirtualServerStatus } from "../domain/status.ts";
import type { ObservedRealServer, ObservedVirtualServer, RealServer, VirtualServer } from "../domain/virtual-server.ts";
import type { VirtualServerConfiguration } from "../domain/virtual-server-configuration.ts";

/** All that is known of one virtual server when it is asked what would be done for it. */
export interface KnownVirtualServer {
  readonly configuration: VirtualServerConfiguration;
  /** As it stands in the data plane. */
  readonly observed: ObservedVirtualServer | undefined;
  readonly holds: Holds;
  /** As the daemon that cares for it tells; undefined where none does, or none that answers. */
  readonly running?: VirtualServerStatus;
  /** It is set up once, without checks; or a daemon begins with it, or the one that runs goes on with it. */
  readonly how: "once" | "start" | "reload";
}

/**
 * What would be done in the data plane, in order: at once, then as soon as checks pass. Who stands as asked for is
 * not mentioned, and neither is what belongs to others.
 */
export function dataPlaneSteps(known: KnownVirtualServer): readonly DryRunStep[] {
  const { observed, how, configuration } = known;
  const { realServers } = configuration;
  const service = how === "reload" ? configuration.service : adoptService(configuration.service, known.observed);
  const members = how === "reload" ? membersOfDaemon(known) : membersAtStart(known);
  const first = firstRound(known, service, members);
  const atOnce = plan(first.wanted, observed);
  const then = afterOperations(observed, atOnce);
  const later = how === "once" ? [] : plan(laterRound(known, service, members, first.overlay), then);
  const view: View = {
    known,
    members: new Map(members.map((member) => [member.name, member])),
    standing: new Map(observed?.realServers.map((one) => [formatEndpoint(one.server.endpoint), one])),
    listed: new Set(realServers.map(({ endpoint }) => formatEndpoint(endpoint))),
  };
  const ofService = [...atOnce, ...later].some(({ kind }) => kind.startsWith("service."));
  const stands: readonly DryRunStep[] =
    ofService || observed === undefined
      ? []
      : [{ sign: "=", subject: "service", change: describeService(observed.service), remark: "stands" }];
  const steps = [
    ...stands,
    ...atOnce.map((operation) => stepOf(operation, view, "at once")),
    ...later.map((operation) => stepOf(operation, view, "later")),
  ];
  const told = new Set(steps.map(({ subject }) => subject));
  return [...steps, ...unmoved(view, told)];
}

/** What a virtual server that the configuration of its daemon no longer has goes through. */
export function goingSteps(observed: ObservedVirtualServer | undefined): readonly DryRunStep[] {
  if (observed === undefined) return [];
  const lowered = observed.realServers.map(({ server, activeConnections }): DryRunStep => ({
    ...(server.weight === 0 ? { sign: "-", change: "weight 0" } : { sign: "~", change: `weight ${server.weight} → 0` }),
    subject: formatEndpoint(server.endpoint),
    remark: drains(activeConnections, undefined),
  }));
  return [
    ...lowered,
    {
      sign: "-",
      subject: "service",
      change: describeService(observed.service),
      remark: "when its real servers are gone",
    },
  ];
}

/** What cleaning up after a virtual server does in the data plane. */
export function cleanSteps(observed: ObservedVirtualServer | undefined): readonly DryRunStep[] {
  if (observed === undefined) return [];
  const { service, realServers } = observed;
  const open = realServers.reduce((sum, { activeConnections }) => sum + activeConnections, 0);
  const servers = realServers.length === 1 ? "1 real server" : `${realServers.length} real servers`;
  return [
    {
      sign: "-",
      subject: "service",
      change: describeService(service),
      remark: `with ${servers} and ${countConnections(open)}`,
    },
  ];
}

/** How an object of the host was found. */
export interface SeenObject {
  readonly name: string;
  /** Undefined where it is as it should be. */
  readonly deviation: string | undefined;
  /** Why it would stay as it is all the same. */
  readonly obstacle?: LvscareError;
}

export function reachSteps(objects: readonly SeenObject[]): readonly DryRunStep[] {
  return objects.map(({ name, deviation, obstacle }): DryRunStep => {
    if (deviation === undefined) return { sign: "=", subject: name, remark: "stands" };
    if (obstacle !== undefined)
      return { sign: "!", subject: name, remark: `stays as it is: ${describeError(obstacle)}` };
    if (deviation === "missing") return { sign: "+", subject: name };
    return { sign: "~", subject: name, remark: deviation };
  });
}

// --- internal ---

interface View {
  readonly known: KnownVirtualServer;
  readonly members: ReadonlyMap<string, MemberState>;
  readonly standing: ReadonlyMap<string, ObservedRealServer>;
  readonly listed: ReadonlySet<string>;
}

interface FirstRound {
  readonly wanted: DesiredVirtualServer | undefined;
  readonly overlay: Overlay;
}

function firstRound(known: KnownVirtualServer, service: VirtualServer, members: readonly MemberState[]): FirstRound {
  const { configuration, how } = known;
  const { policy, unlisted } = configuration;
  if (how === "once") return { wanted: desiredByHealth(service, members, unlisted), overlay: NO_OVERLAY };
  const overlay = how === "reload" ? overlayOfDaemon(known) : NO_OVERLAY;
  return nextDesired({ service, policy, unlisted, members, overlay, isWithdrawn: false }, 0);
}

/** When those that no check of a running daemon has found bad have passed one. */
function laterRound(
  { configuration: { policy, unlisted } }: KnownVirtualServer,
  service: VirtualServer,
  members: readonly MemberState[],
  overlay: Overlay,
): DesiredVirtualServer | undefined {
  const remaining = members.filter(({ name }) => !overlay.departures.has(name));
  const passed = remaining.map((member): MemberState => {
    if (isFailing(member) || member.isLeaving) return member;
    return { ...member, state: "healthy", evidence: "passed", history: "proven", share: 0 };
  });
  return nextDesired({ service, policy, unlisted, members: passed, overlay, isWithdrawn: false }, 0).wanted;
}

/** A daemon's own checks have found it bad, or have not found it good for long enough. */
function isFailing(member: MemberState): boolean {
  return isChecked(member) && member.state !== "healthy";
}

function membersAtStart({ configuration, observed, holds, running, how }: KnownVirtualServer): readonly MemberState[] {
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
function membersOfDaemon({ configuration, observed, holds, running }: KnownVirtualServer): readonly MemberState[] {
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
    const requests = { hold: holds.get(name), isDrainedByConfiguration: status.drainedByConfiguration === true };
    return [{ ...asTold(name, server, status, requests), isLeaving: true }];
  });
  return [...listed, ...leaving];
}

type Requests = Pick<MemberState, "hold" | "isDrainedByConfiguration">;

function begun(name: string, server: RealServer, { state, history }: Beginning, requests: Requests): MemberState {
  const evidence: Evidence = state === "recovering" ? "none" : "table";
  return { name, ...atWeights(server), state, evidence, history, share: 0, ...requests, isLeaving: false };
}

function asTold(name: string, server: RealServer, status: RealServerStatus, requests: Requests): MemberState {
  const { lastVerdict, weight = 0 } = status;
  const state = status.health ?? "healthy";
  return {
    name,
    ...atWeights(server),
    state,
    evidence: lastVerdict === undefined ? "table" : lastVerdict.passed ? "passed" : "failed",
    history: lastVerdict?.passed === true || state === "healthy" ? "proven" : weight > 0 ? "served" : "none",
    share: state === "recovering" ? Math.min(1, weight / server.weight) : 0,
    ...requests,
    isLeaving: false,
  };
}

/** What lies over the health of the real servers in a running daemon. */
function overlayOfDaemon({ observed, running, configuration }: KnownVirtualServer): Overlay {
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

function addressOf({ address }: RealServerStatus): string {
  return address;
}

function stepOf(operation: Operation, view: View, when: "at once" | "later"): DryRunStep {
  switch (operation.kind) {
    case "service.create":
      return { sign: "+", subject: "service", change: describeService(operation.service) };
    case "service.update": {
      const { from, service } = operation;
      return {
        sign: "~",
        subject: "service",
        change: describeServiceChange(from, service),
        remark: "keeps connections",
      };
    }
    case "service.delete":
      return { sign: "-", subject: "service" };
    case "server.add": {
      const { endpoint, weight, forwarding } = operation.server;
      const subject = formatEndpoint(endpoint);
      const change = forwarding === "masquerade" ? `weight ${weight}` : `weight ${weight}, ${forwarding}`;
      return { sign: "+", subject, change, remark: entering(view, subject, when) };
    }
    case "server.update": {
      const { from, server } = operation;
      const subject = formatEndpoint(server.endpoint);
      const change = describeChanges(from, server);
      return { sign: "~", subject, change, remark: changing(view, subject, server, when) };
    }
    case "server.remove": {
      const subject = formatEndpoint(operation.endpoint);
      return { sign: "-", subject, change: "weight 0", remark: leaving(view, subject, when) };
    }
  }
}

function entering(view: View, server: string, when: "at once" | "later"): string {
  const { configuration, observed } = view.known;
  const { rise, slowStartMs } = configuration.policy;
  const member = view.members.get(server);
  const words = drainedBy(member);
  const why = words === undefined ? "" : `, ${words}`;
  if (when === "at once") return `enters at once, unchecked${why}`;
  // Nobody has used one of a new virtual server: one good check is enough, and it need not climb.
  const isNew = observed === undefined;
  const climb = slowStartMs === 0 || isNew ? "" : `, and climbs for ${formatDuration(slowStartMs)}`;
  return `enters ${onceChecked(isNew ? 1 : rise)}${climb}${why}`;
}

function changing(view: View, server: string, to: RealServer, when: "at once" | "later"): string {
  const { policy } = view.known.configuration;
  const member = view.members.get(server);
  if (!view.listed.has(server) || member?.isLeaving === true) return leaving(view, server, when);
  if (to.weight === 0) {
    const open = countConnections(connectionsOf(view, server));
    return `${drainedBy(member) ?? "its checks fail"}; ${open} ${goOn(connectionsOf(view, server))}`;
  }
  if (when === "at once") return "keeps connections";
  return onceChecked(policy.rise);
}

function onceChecked(rise: number): string {
  return rise === 1 ? "with its first good check" : `after ${rise} good checks in a row`;
}

/** Of one that nobody lists. */
function leaving(view: View, server: string, when: "at once" | "later"): string {
  const { how, configuration, running } = view.known;
  const open = connectionsOf(view, server);
  if (how === "once") {
    const isDrained = view.standing.get(server)?.server.weight === 0;
    const what = isDrained ? countConnections(open) : `${countConnections(open)} ${goOn(open)}; it stays like that`;
    return `not listed; ${what}`;
  }
  // Who was listed until now is given the time for that; who never was, only until the next reading of the table.
  const wasListed = running !== undefined && how === "reload" && view.members.has(server);
  const { policy } = configuration;
  const most = wasListed ? policy.drainTimeoutMs : policy.intervalMs;
  const drained = view.standing.get(server)?.server.weight === 0 && !wasListed;
  if (drained) return when === "at once" ? "not listed" : "not listed; goes when a listed one is in service";
  const rest = drains(open, most);
  return when === "at once" ? rest : `stands until a listed one is in service, then ${open === 0 ? "it goes" : rest}`;
}

/** What stays as it is although one may wonder about it. */
function unmoved(view: View, told: ReadonlySet<string>): DryRunStep[] {
  const { known, members, standing, listed } = view;
  const ours = [...members.values()].flatMap((member): DryRunStep[] => {
    if (told.has(member.name) || member.isLeaving) return [];
    const found = standing.get(member.name);
    const change = found === undefined ? "not in the table" : `weight ${found.server.weight}`;
    const words = drainedBy(member);
    if (words !== undefined) return [{ sign: "=", subject: member.name, change, remark: words }];
    if (!isFailing(member) || member.evidence === "passed") return [];
    const remark = isAbsent(member)
      ? `its checks fail; enters at weight ${member.server.weight} when they pass`
      : "its checks fail";
    return [{ sign: "=", subject: member.name, change, remark }];
  });
  if (known.configuration.unlisted === "keep") return ours;
  const others = [...standing].flatMap(([subject, { server, activeConnections }]): DryRunStep[] => {
    if (told.has(subject) || listed.has(subject)) return [];
    const isGoing = server.weight === 0;
    const remark = isGoing
      ? `not listed; ${drains(activeConnections, known.configuration.policy.drainTimeoutMs)}`
      : "not listed; stands until a listed one is in service";
    return [{ sign: "=", subject, change: `weight ${server.weight}`, remark }];
  });
  return [...ours, ...others];
}

function connectionsOf({ standing }: View, server: string): number {
  return standing.get(server)?.activeConnections ?? 0;
}

function drainedBy(member: MemberState | undefined): string | undefined {
  if (member?.hold?.drained === true) return `drained by ${operatorOf(member.hold)}`;
  return member?.isDrainedByConfiguration === true ? "drained by the configuration" : undefined;
}

function operatorOf({ by }: Hold): string {
  return by ?? "an operator";
}

/** `12 open connections drain, 1m at most` */
function drains(open: number, mostMs: number | undefined): string {
  if (open === 0) return countConnections(open);
  const most = mostMs === undefined ? "" : `, ${formatDuration(mostMs)} at most`;
  return `${countConnections(open)} ${open === 1 ? "drains" : "drain"}${most}`;
}

function countConnections(open: number): string {
  if (open === 1) return "1 open connection";
  return `${open === 0 ? "no" : open} open connections`;
}

function goOn(open: number): string {
  return open === 1 ? "goes on" : "go on";
}

/** `wrr, persistent 300s /24` */
function describeService(service: VirtualServer): string {
  return [service.scheduler, ...optionsOf(service)].join(", ");
}

/** `scheduler rr → wrr, not persistent → persistent 300s` */
function describeServiceChange(from: VirtualServer, to: VirtualServer): string {
  const scheduler = from.scheduler === to.scheduler ? [] : [`scheduler ${from.scheduler} → ${to.scheduler}`];
  const [was, is] = [optionsOf(from).join(" "), optionsOf(to).join(" ")];
  const options = was === is ? [] : [`${was || "not persistent"} → ${is || "not persistent"}`];
  return [...scheduler, ...options].join(", ");
}

function optionsOf(service: VirtualServer): string[] {
  const { endpoint, flags, persistenceTimeoutS, persistencePrefix, persistenceEngine } = service;
  const prefix = persistencePrefix === hostPrefix(endpoint.family) ? "" : ` /${persistencePrefix}`;
  const engine = persistenceEngine === undefined ? "" : ` by ${persistenceEngine}`;
  return [
    ...(persistenceTimeoutS === 0 ? [] : [`persistent ${persistenceTimeoutS}s${prefix}${engine}`]),
    ...flags.filter((flag) => flag !== "persistent"),
  ];
}
