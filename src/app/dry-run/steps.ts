import { adoptService } from "../../desired/adoption.ts";
import { isAbsent, isChecked, type MemberState } from "../../desired/member.ts";
import { desiredByHealth, nextDesired, NO_OVERLAY, type Overlay } from "../../desired/next.ts";
import type { DryRunStep } from "../../domain/dry-run.ts";
import { formatDuration } from "../../domain/duration.ts";
import { formatEndpoint } from "../../domain/endpoint.ts";
import { describeError, type LvscareError } from "../../domain/errors.ts";
import {
  afterOperations,
  describeChanges,
  plan,
  type DesiredVirtualServer,
  type Operation,
} from "../../domain/plan.ts";
import type {
  ObservedRealServer,
  ObservedVirtualServer,
  RealServer,
  VirtualServer,
} from "../../domain/virtual-server.ts";
import { membersAtStart, membersOfDaemon, overlayOfDaemon, type KnownVirtualServer } from "./members.ts";
import { countConnections, describeService, describeServiceChange, drainedBy, drains, goOn } from "./words.ts";

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
  const words = drainedBy(member, view.known.configuration.clusterDrains);
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
    return `${drainedBy(member, view.known.configuration.clusterDrains) ?? "its checks fail"}; ${open} ${goOn(connectionsOf(view, server))}`;
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
    const words = drainedBy(member, known.configuration.clusterDrains);
    if (words !== undefined) return [{ sign: "=", subject: member.name, change, remark: words }];
    if (!isFailing(member) || member.evidence === "passed") return [];
    if (member.evidence === "leaving")
      return [{ sign: "=", subject: member.name, change, remark: "says that it is shutting down" }];
    if (member.evidence === "declined")
      return [{ sign: "=", subject: member.name, change, remark: "its agent takes it out" }];
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
