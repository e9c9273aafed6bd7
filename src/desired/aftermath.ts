import { formatEndpoint } from "../domain/endpoint.ts";
import type { HealthPolicy } from "../domain/health-policy.ts";
import type { Operation } from "../domain/plan.ts";
import type { ObservedVirtualServer } from "../domain/virtual-server.ts";
import { isAbsent, type MemberState } from "./member.ts";

/**
 * Fail-open or the last resort retained it and no longer does, and it is still not healthy. It has clients, so it
 * drains like one that has just failed, even if its machine has had it drained or removed for a long time.
 */
export interface AfterDrain {
  /** Since when it is at weight 0; undefined while that is not written. */
  readonly sinceMs: number | undefined;
  /** Open connections as last counted since then; undefined when they were not counted. */
  readonly connections: number | undefined;
}

/** All of those, by formatted endpoint. */
export type Aftermath = ReadonlyMap<string, AfterDrain>;

export const NO_AFTERMATH: Aftermath = new Map();

/**
 * Health as it counts for fail-open. A server that is retained as a last resort, or was and has not drained yet, is
 * still in service, whatever its machine says.
 */
export function withAftermath(
  members: readonly MemberState[],
  aftermath: Aftermath,
  lastRetained: ReadonlySet<string> = new Set(),
): readonly MemberState[] {
  if (aftermath.size === 0 && lastRetained.size === 0) return members;
  const serves = ({ name }: MemberState): boolean => aftermath.has(name) || lastRetained.has(name);
  return members.map((member) => (isAbsent(member) && serves(member) ? { ...member, state: "draining" } : member));
}

/**
 * Servers that may still be in the table when a round begins: also the drained ones, because others may give them a
 * weight and new clients.
 */
export function aftermathAt(aftermath: Aftermath, members: readonly MemberState[]): Aftermath {
  return aftermath.size === 0 ? aftermath : pick(members, (member) => aftermath.get(member.name));
}

/** Those that must still drain. */
export function stillDraining(
  aftermath: Aftermath,
  members: readonly MemberState[],
  policy: HealthPolicy,
  nowMs: number,
): Aftermath {
  if (aftermath.size === 0) return aftermath;
  return pick(members, (member) => {
    const drain = aftermath.get(member.name);
    return drain !== undefined && !hasDrained(drain, member, policy, nowMs) ? drain : undefined;
  });
}

/** Those that were retained until now, and no longer are. */
export function noLongerRetained(
  before: ReadonlySet<string> | undefined,
  retained: ReadonlySet<string> | undefined,
  members: readonly MemberState[],
): Aftermath {
  if (before === undefined) return NO_AFTERMATH;
  return pick(members, ({ name }) =>
    before.has(name) && retained?.has(name) !== true ? { sinceMs: undefined, connections: undefined } : undefined,
  );
}

/** A server that is retained again drains again after that. */
export function withoutRetained(aftermath: Aftermath, retained: ReadonlySet<string> | undefined): Aftermath {
  if (retained === undefined || aftermath.size === 0) return aftermath;
  return new Map([...aftermath].filter(([name]) => !retained.has(name)));
}

/** What a round did and found. */
export interface RoundFindings {
  readonly observed: ObservedVirtualServer | undefined;
  readonly hasRead: boolean;
  readonly operations: readonly Operation[];
}

/**
 * After a round: connections are counted for servers found at weight 0, servers lowered to 0 drain from now on, and
 * servers that are gone are forgotten.
 */
export function drainsAfter<Drain extends AfterDrain>(
  drains: ReadonlyMap<string, Drain>,
  { observed, hasRead, operations }: RoundFindings,
  nowMs: number,
): ReadonlyMap<string, Drain> {
  if (drains.size === 0) return drains;
  const standing = new Map(observed?.realServers.map((one) => [formatEndpoint(one.server.endpoint), one]));
  const lowered = new Set(
    operations.flatMap((one) =>
      one.kind === "server.update" && one.server.weight === 0 ? [formatEndpoint(one.server.endpoint)] : [],
    ),
  );
  const removed = new Set(
    operations.flatMap((one) => (one.kind === "server.remove" ? [formatEndpoint(one.endpoint)] : [])),
  );
  return new Map(
    [...drains].flatMap(([key, drain]): [string, Drain][] => {
      const { sinceMs, connections } = drain;
      const found = standing.get(key);
      if (found === undefined || removed.has(key)) return [];
      if (found.server.weight === 0)
        return [
          [key, { ...drain, sinceMs: sinceMs ?? nowMs, connections: hasRead ? found.activeConnections : connections }],
        ];
      return [[key, { ...drain, sinceMs: lowered.has(key) ? nowMs : undefined, connections: undefined }]];
    }),
  );
}

// --- internal ---

/** A round comes once in each interval, but half an interval is enough, because timers may fire a little early. */
function hasDrained(
  { sinceMs, connections }: AfterDrain,
  member: MemberState,
  policy: HealthPolicy,
  nowMs: number,
): boolean {
  if (sinceMs === undefined) return false;
  const forMs = nowMs - sinceMs;
  if (forMs < policy.intervalMs / 2) return false;
  return (
    policy.drain === "next-check" ||
    connections === 0 ||
    member.evidence === "unreachable" ||
    forMs >= policy.drainTimeoutMs
  );
}

/** Its machine would have no new clients for it. */
function isUnwell(member: MemberState): boolean {
  return member.state === "draining" || isAbsent(member);
}

function pick(members: readonly MemberState[], drainOf: (member: MemberState) => AfterDrain | undefined): Aftermath {
  return new Map(
    members.filter(isUnwell).flatMap((member): [string, AfterDrain][] => {
      const drain = drainOf(member);
      return drain === undefined ? [] : [[member.name, drain]];
    }),
  );
}
