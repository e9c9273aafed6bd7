import { certificateStatus } from "../domain/certificate.ts";
import { isAskedOut, isDrained } from "../desired/member.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { withService } from "../domain/in-service.ts";
import { unknownStanding, type Standing } from "../domain/standing.ts";
import {
  type DaemonStatus,
  type ReachStatus,
  type RealServerStatus,
  type TransitionStatus,
  type VerdictStatus,
  type WayStatus,
} from "../domain/status.ts";
import { NO_TRAFFIC, type ObservedRealServer, type ObservedVirtualServer } from "../domain/virtual-server.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { withoutCertificate, type CheckPart, type Verdict } from "../domain/health.ts";
import { nameVirtualServer } from "../domain/virtual-server-name.ts";
import type { ReachActor } from "./reach-machine.ts";
import type { Member } from "./virtual-server-context.ts";
import { sinceMsOf, stateOf, type RealServerActor } from "./real-server-machine.ts";
import type { VirtualServerActor } from "./virtual-server-machine.ts";
import type { WayActor } from "./way-machine.ts";

/** A verdict and when it was reached, on the machines' clock. */
export interface TimedVerdict {
  readonly verdict: Verdict;
  readonly atMs: number;
}

/** That a check could not be made, since when, on the machines' clock. */
export interface TimedLack {
  readonly reason: string;
  readonly sinceMs: number;
}

/** What a check asked for when that changed last, on the machines' clock. */
export interface TimedRequest {
  readonly asks: string;
  readonly reason: string;
  readonly atMs: number;
  /** Since when it is to have no new clients, or may have some again; undefined: that never changed. */
  readonly heldOrNotSinceMs: number | undefined;
}

/** What the last check of each real server found, by its formatted endpoint. */
export interface LastChecks {
  readonly verdicts: ReadonlyMap<string, TimedVerdict>;
  /** Those whose checks cannot be made since then. */
  readonly lacking: ReadonlyMap<string, TimedLack>;
  /** Of those that are checked by several checks. */
  readonly checks: ReadonlyMap<string, readonly CheckPart[]>;
  readonly requests: { get(server: string): TimedRequest | undefined };
}

export interface ProcessFacts {
  readonly version: string;
  readonly pid: number;
  readonly networkNamespace?: string;
  /** On the machines' clock, as all times of theirs. */
  readonly startedAtMs: number;
  /** Converts from the machines' clock, which never jumps, to the time of day as it is now. */
  readonly timeOfDay: (ms: number) => Date;
  readonly dataPlane: VirtualServerStatus["dataPlane"];
}

/**
 * The one place that turns snapshots of actors into plain data. `table` is what is in the data plane, if anything;
 * `way`: what the last try found.
 */
export function virtualServerStatus(
  supervisor: VirtualServerActor,
  { verdicts, lacking, checks, requests }: LastChecks,
  facts: ProcessFacts,
  table: ObservedVirtualServer | undefined,
  way?: WayStatus,
): VirtualServerStatus {
  const { context } = supervisor.getSnapshot();
  const { failOpen, lastResort, departures } = context.overlay;
  const { suspicion } = context;
  const standing = new Map(table?.realServers.map((one) => [formatEndpoint(one.server.endpoint), one]));
  const members = Array.from(context.members, ([key, member]) => ({
    ...memberStatus(key, member, verdicts.get(key), standing.get(key), facts.timeOfDay),
    ...uncheckedStatus(lacking.get(key), facts.timeOfDay),
    ...partsStatus(checks.get(key)),
    ...requestStatus(member, requests.get(key), facts.timeOfDay),
    ...drainedStatus(member, facts.timeOfDay),
    ...(isKeptOut(member) && { state: "drained" as const }),
    ...(member.hold && { hold: member.hold }),
    ...(member.isDrainedByConfiguration && { drainedByConfiguration: true as const }),
    ...(member.isUnanswered && { isUnanswered: true as const }),
    ...(member.isLeaving && { isAwaitingOthers: true as const }),
  }));
  const others = [...standing]
    .filter(([key]) => !context.members.has(key))
    .map(([key, one]) => {
      const state = departures.has(key) ? ("leaving" as const) : ("unlisted" as const);
      return { address: key, state, ...standingStatus(one) };
    });
  const realServers = [...members, ...others];
  return withService({
    ...nameVirtualServer(context.service, undefined),
    scheduler: context.service.scheduler,
    dataPlane: facts.dataPlane,
    stats: table?.stats ?? NO_TRAFFIC,
    realServers,
    ...(way && { way }),
    ...(failOpen && {
      failOpen: {
        since: facts.timeOfDay(failOpen.sinceMs).toISOString(),
        healthy: failOpen.healthy,
        total: failOpen.total,
      },
    }),
    ...(lastResort && {
      lastResort: {
        since: facts.timeOfDay(lastResort.sinceMs).toISOString(),
        total: lastResort.total,
        held: [...lastResort.retained],
      },
    }),
    ...(suspicion && {
      suspicion: {
        since: facts.timeOfDay(suspicion.sinceMs).toISOString(),
        reason: suspicion.reason,
        servers: suspicion.servers,
      },
    }),
    daemon: daemonStatus(supervisor, facts),
  });
}

/** How one of its real servers stands. */
export function standingOf(supervisor: VirtualServerActor, target: Endpoint): Standing {
  const { members, table } = supervisor.getSnapshot().context;
  const member = members.get(formatEndpoint(target));
  const standing = table?.realServers.find(
    ({ server: { endpoint } }) => endpoint.port === target.port && endpoint.address === target.address,
  );
  const inTable = {
    weight: standing?.server.weight ?? 0,
    totalWeight: table?.realServers.reduce((sum, { server: { weight } }) => sum + weight, 0) ?? 0,
    connections: standing?.activeConnections ?? 0,
  };
  if (member === undefined) return { ...unknownStanding(), ...inTable };
  const { context } = member.ref.getSnapshot();
  const { passes, failures, policy } = context;
  const state = stateOf(context);
  const counted =
    state === "healthy" ? { count: policy.fall - failures, of: policy.fall } : { count: passes, of: policy.rise };
  return { state: isKeptOut(member) ? "drained" : state, ...inTable, counted };
}

/** How the host reaches the virtual address, as of the last round; empty before the first. */
export function reachStatus(reach: ReachActor, mode: ReachStatus["mode"], { timeOfDay }: ProcessFacts): ReachStatus {
  const { objects } = reach.getSnapshot().context;
  return {
    mode,
    objects: objects.map(({ name, state, sinceMs, problem }) => ({
      name,
      state,
      since: timeOfDay(sinceMs).toISOString(),
      ...(problem !== undefined && { problem }),
    })),
  };
}

/** Undefined before the first try, and while no server is in service. */
export function wayStatus(way: WayActor, { timeOfDay }: ProcessFacts): WayStatus | undefined {
  const { standing } = way.getSnapshot().context;
  if (standing === undefined) return undefined;
  const { problem, latencyMs, sinceMs, atMs } = standing;
  return {
    answers: problem === undefined,
    since: timeOfDay(sinceMs).toISOString(),
    at: timeOfDay(atMs).toISOString(),
    latencyMs,
    ...(problem !== undefined && { problem }),
  };
}

/** A virtual server that no daemon answers for, as its data plane shows it. */
export function unattendedStatus(
  table: ObservedVirtualServer,
  dataPlane: VirtualServerStatus["dataPlane"],
): VirtualServerStatus {
  const realServers = table.realServers.map((one) => ({
    address: formatEndpoint(one.server.endpoint),
    state: "unknown" as const,
    ...standingStatus(one),
  }));
  return withService({
    ...nameVirtualServer(table.service, undefined),
    scheduler: table.service.scheduler,
    dataPlane,
    stats: table.stats,
    realServers,
  });
}

// --- internal ---

function daemonStatus(supervisor: VirtualServerActor, facts: ProcessFacts): DaemonStatus {
  const snapshot = supervisor.getSnapshot();
  const { context } = snapshot;
  const { lastError, failing } = context.trouble;
  return {
    version: facts.version,
    pid: facts.pid,
    ...(facts.networkNamespace !== undefined && { networkNamespace: facts.networkNamespace }),
    startedAt: facts.timeOfDay(facts.startedAtMs).toISOString(),
    state: stateName(snapshot.value),
    applies: context.counts.applies,
    repairs: context.counts.repairs,
    intervalMs: context.policy.intervalMs,
    ...(lastError && {
      lastError: {
        at: facts.timeOfDay(lastError.atMs).toISOString(),
        message: lastError.message,
      },
    }),
    ...(failing && {
      failing: {
        since: facts.timeOfDay(failing.sinceMs).toISOString(),
        message: failing.message,
      },
    }),
  };
}

/** By an operator, the configuration, or its agent. */
function isKeptOut({ hold, isDrainedByConfiguration, ref }: Member): boolean {
  const { asked } = ref.getSnapshot().context;
  return isDrained({ hold, isDrainedByConfiguration }) || isAskedOut({ hold, ...(asked && { asked }) });
}

/** Since when it is drained, or is not any more, goes before since when its health is what it is. */
function requestStatus(
  { hold, isDrainedByConfiguration, ref }: Member,
  request: TimedRequest | undefined,
  timeOfDay: ProcessFacts["timeOfDay"],
): Pick<RealServerStatus, "lastRequest" | "stateSince"> {
  if (request === undefined) return {};
  const { asks, reason, atMs, heldOrNotSinceMs } = request;
  const lastRequest = { at: timeOfDay(atMs).toISOString(), asks, reason };
  const { context } = ref.getSnapshot();
  const healthMs = sinceMsOf(context);
  // What an operator or the configuration wants decides, whatever the check asks for.
  if (heldOrNotSinceMs === undefined || hold !== undefined || isDrainedByConfiguration) return { lastRequest };
  const sinceMs = context.asked?.hold === undefined ? Math.max(healthMs, heldOrNotSinceMs) : heldOrNotSinceMs;
  return { lastRequest, stateSince: timeOfDay(sinceMs).toISOString() };
}

/** Since when an operator drains it. Since when the configuration does is not known. */
function drainedStatus(
  member: Member,
  timeOfDay: ProcessFacts["timeOfDay"],
): Pick<RealServerStatus, "stateSince" | "healthSince"> {
  if (!isKeptOut(member)) return {};
  const { hold } = member;
  const healthSince = timeOfDay(sinceMsOf(member.ref.getSnapshot().context)).toISOString();
  return { healthSince, ...(hold?.drained === true && { stateSince: hold.since }) };
}

function uncheckedStatus(
  lack: TimedLack | undefined,
  timeOfDay: ProcessFacts["timeOfDay"],
): Pick<RealServerStatus, "unchecked"> {
  return lack === undefined ? {} : { unchecked: { since: timeOfDay(lack.sinceMs).toISOString(), reason: lack.reason } };
}

function partsStatus(checks: readonly CheckPart[] | undefined): Pick<RealServerStatus, "checks"> {
  return checks === undefined ? {} : { checks };
}

function memberStatus(
  key: string,
  { ref, isDrainedByConfiguration }: Member,
  verdict: TimedVerdict | undefined,
  one: ObservedRealServer | undefined,
  timeOfDay: ProcessFacts["timeOfDay"],
): RealServerStatus {
  const iso = (ms: number): string => timeOfDay(ms).toISOString();
  const { context } = ref.getSnapshot();
  const transition = context.lastTransition;
  return {
    address: key,
    state: stateOf(context),
    health: stateOf(context),
    ...(one === undefined ? { activeConnections: 0, inactiveConnections: 0 } : standingStatus(one)),
    ...(!isDrainedByConfiguration && { stateSince: iso(sinceMsOf(context)) }),
    ...(verdict && { lastVerdict: verdictStatus(verdict, iso) }),
    ...(context.asked && { asked: context.asked }),
    ...(verdict?.verdict.certificate && { certificate: certificateStatus(verdict.verdict.certificate) }),
    ...(transition && { lastTransition: transitionStatus(transition, iso) }),
  };
}

function standingStatus(one: ObservedRealServer): Omit<RealServerStatus, "address" | "state"> {
  return {
    weight: one.server.weight,
    forwarding: one.server.forwarding,
    activeConnections: one.activeConnections,
    inactiveConnections: one.inactiveConnections,
    ...(one.stats && { stats: one.stats }),
  };
}

/** To hundredths: finer is noise, and told of hundreds of servers each second. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

type Context = ReturnType<RealServerActor["getSnapshot"]>["context"];

type Stamp = (ms: number) => string;

function verdictStatus({ verdict, atMs }: TimedVerdict, iso: Stamp): VerdictStatus {
  const { checks: _, latencyMs, timings, ...others } = withoutCertificate(verdict);
  const { connectMs, tlsMs, firstByteMs } = timings ?? {};
  return {
    ...others,
    latencyMs: rounded(latencyMs),
    ...(timings && {
      timings: {
        ...(connectMs !== undefined && { connectMs: rounded(connectMs) }),
        ...(tlsMs !== undefined && { tlsMs: rounded(tlsMs) }),
        ...(firstByteMs !== undefined && { firstByteMs: rounded(firstByteMs) }),
      },
    }),
    at: iso(atMs),
  };
}

function transitionStatus(
  { atMs, from, to, reason }: NonNullable<Context["lastTransition"]>,
  iso: Stamp,
): TransitionStatus {
  return { at: iso(atMs), from, to, reason };
}

/** `{ serving: "settled" }` reads `serving/settled`. */
function stateName(value: string | object): string {
  return typeof value === "string"
    ? value
    : Object.entries(value)
        .map(([outer, inner]) => `${outer}/${stateName(inner as string | object)}`)
        .join(" ");
}
