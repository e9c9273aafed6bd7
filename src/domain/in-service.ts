import { isVirtualServerCalled } from "./virtual-server-name.ts";
import {
  NO_DAEMON,
  type Condition,
  type InService,
  type OutOfService,
  type RealServerStatus,
  type StatusReport,
  type VirtualServerStatus,
} from "./status.ts";

type Standing = Pick<VirtualServerStatus, "realServers" | "failOpen" | "lastResort" | "daemon" | "way">;

/** Takes new connections, by what stands in the table. */
export function isInService({ weight = 0 }: Pick<RealServerStatus, "weight">): boolean {
  return weight > 0;
}

export function countInService(realServers: readonly RealServerStatus[]): InService {
  return { count: realServers.filter(isInService).length, of: realServers.length };
}

/** Why it takes no new connections; undefined for one that does. The first that applies, as its weight is decided. */
export function outOfService(server: RealServerStatus): OutOfService | undefined {
  if (isInService(server)) return undefined;
  const { state, hold, lastVerdict, lastTransition, health = state } = server;
  if (hold?.drained === true) return { why: "drained", by: hold.by ?? "an operator" };
  if (server.drainedByConfiguration === true) return { why: "drained", by: "the configuration" };
  if (server.drainedByCluster !== undefined)
    return { why: "drained", by: `the cluster: ${server.drainedByCluster.by ?? "an operator"}` };
  if (isDrainedByAgent(server)) return { why: "drained", by: "its agent" };
  if (state === "leaving" || state === "unlisted" || state === "unknown") return { why: state };
  if (lastVerdict?.passed === false && lastVerdict.leaving === true) return { why: "shutting-down" };
  if (health === "healthy") {
    if (server.isUnanswered === true) return { why: "unanswered" };
    // Its check advises so, or it is about to be written.
    return { why: server.weight === 0 ? "set-aside" : "unwritten" };
  }
  if (health === "recovering") return { why: "unproved" };
  const hasFailed = lastVerdict?.passed === false || lastTransition !== undefined;
  return { why: hasFailed ? "failed" : "unproved" };
}

/** How many are out, by why, the most telling first. */
export function countOut(realServers: readonly RealServerStatus[]): ReadonlyMap<OutOfService["why"], number> {
  const counts = new Map<OutOfService["why"], number>(OUT_OF_SERVICE.map((why) => [why, 0]));
  for (const server of realServers) {
    const why = outOfService(server)?.why;
    if (why !== undefined) counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  return new Map([...counts].filter(([, count]) => count > 0));
}

/** What people are to look at: it should serve, and does not or not wholly. */
export function isTroubled(server: RealServerStatus): boolean {
  if (isOnPurpose(server)) return false;
  return server.state !== "healthy" || (!isInService(server) && outOfService(server)?.why !== "set-aside");
}

/**
 * How well a virtual server serves. Undefined where nobody checks those that stand in the table. A drain on purpose
 * degrades nothing; a real server that fails does, as does one that climbs to its weight still, and so does a virtual
 * address that does not answer on its own host.
 */
export function conditionOf({ realServers, failOpen, lastResort, daemon, way }: Standing): Condition | undefined {
  if (!realServers.some(isInService)) return "nobody";
  if (daemon === undefined) return undefined;
  if (failOpen !== undefined || lastResort !== undefined) return "fail-open";
  return way?.answers === false || realServers.some(isTroubled) ? "degraded" : "serving";
}

/** A report that tells all of this: what programs, metrics and the page go by. */
export function withService(status: VirtualServerStatus): VirtualServerStatus {
  const condition = conditionOf(status);
  const { realServers, ...others } = status;
  return {
    ...others,
    ...(condition && { condition }),
    inService: countInService(realServers),
    realServers: realServers.map((server) => {
      const out = outOfService(server);
      return { ...server, inService: isInService(server), ...(out && { outOfService: out }) };
    }),
  };
}

/** The worst of all; one that leaves the configuration is nobody's business any more. */
export function worstCondition(
  all: readonly (Standing & Pick<VirtualServerStatus, "leaving">)[],
): Condition | undefined {
  const conditions = all.filter(({ leaving }) => leaving !== true).map(conditionOf);
  return CONDITIONS.toReversed().find((condition) => conditions.includes(condition));
}

/** From best to worst. */
export const CONDITIONS = ["serving", "degraded", "fail-open", "nobody"] as const satisfies readonly Condition[];

/** The most telling first. */
export const OUT_OF_SERVICE = [
  "failed",
  "unanswered",
  "unwritten",
  "unproved",
  "shutting-down",
  "drained",
  "set-aside",
  "leaving",
  "unlisted",
  "unknown",
] as const satisfies readonly OutOfService["why"][];

/**
 * Health as an exit code. 0: all real servers are healthy. 1: some are not, or a changed probe finds none so and is
 * suspicious. 2: for one virtual server none is in service, or none is healthy (even with a last resort), or it fails
 * open, or its data plane cannot be written to, or nobody answers through its virtual address. 3: no daemon answers. Servers that are drained on purpose, or leave, do
 * not count, because maintenance is no failure; but if all are drained, no client is served: 2. `asked`: the virtual
 * servers in question, by address or name; if empty, all that have a daemon, even one that does not answer.
 */
export function healthCode({ source, notes, virtualServers }: StatusReport, asked: readonly string[] = []): number {
  if (asked.some((word) => !virtualServers.some((one) => isVirtualServerCalled(word, one)))) return NO_DAEMON;
  if (asked.length === 0 && source === "daemons" && notes.length > 0) return NO_DAEMON;
  if (virtualServers.length === 0 || virtualServers.some(({ daemon }) => daemon === undefined)) return NO_DAEMON;
  return Math.max(...virtualServers.map(codeOf));
}

/**
 * Why the virtual server cannot be relied on: no server answers its clients, or none could be taken out any more.
 * Undefined when it can.
 */
export function unreadiness({ realServers, daemon, leaving, way }: VirtualServerStatus): string | undefined {
  // Nobody is to rely on it any more.
  if (leaving === true) return undefined;
  if (!realServers.some(isInService)) return "no real server is in service";
  if (daemon?.failing !== undefined) return `nothing can be written to the data plane: ${daemon.failing.message}`;
  return way?.answers === false ? `no answer through the virtual address: ${way.problem}` : undefined;
}

/** It takes no new connections because an operator, the configuration, the cluster or its agent wants it so. */
export function isKeptDrained(server: RealServerStatus): boolean {
  const { hold, asked } = server;
  const isAskedOut = asked?.hold !== undefined && hold?.weight === undefined;
  return hold?.drained === true || isListedDrained(server) || isAskedOut;
}

/** By the configuration, or by the cluster: no operator's request on this node lifts it. */
export function isListedDrained({ drainedByConfiguration, drainedByCluster }: RealServerStatus): boolean {
  return drainedByConfiguration === true || drainedByCluster !== undefined;
}

/** Its agent alone wants that. */
export function isDrainedByAgent(server: RealServerStatus): boolean {
  return isKeptDrained(server) && server.hold?.drained !== true && !isListedDrained(server);
}

// --- internal ---

/** Nobody expects it to take connections. */
function isOnPurpose(server: RealServerStatus): boolean {
  const { state } = server;
  return state === "unlisted" || state === "leaving" || state === "drained" || isKeptDrained(server);
}

function codeOf(status: VirtualServerStatus): number {
  const { realServers, suspicion, daemon, leaving, way } = status;
  if (leaving === true) return 0;
  const condition = conditionOf(status);
  if (condition === "nobody" || condition === "fail-open") return 2;
  // What stands in the table is no use to clients, or is not known.
  if (daemon?.failing !== undefined || way?.answers === false) return 2;
  // Whoever is in service beside the listed ones is checked by nobody.
  if (!realServers.some((server) => server.state === "healthy" && isInService(server))) return 2;
  // A new start would have the changed probe decide.
  return condition === "degraded" || suspicion !== undefined ? 1 : 0;
}
