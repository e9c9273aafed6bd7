import { formatEndpoint } from "../domain/endpoint.ts";
import type { DesiredVirtualServer, Operation } from "../domain/plan.ts";
import type { ObservedVirtualServer, RealServer } from "../domain/virtual-server.ts";
import { isServing, type MemberState } from "./member.ts";

/**
 * A real server in our service that is not listed and on its way out: it stays at weight 0 for one interval before it
 * is removed.
 */
export interface UnlistedDrain {
  /** As it was found, with the weight it had. */
  readonly server: RealServer;
  readonly sinceMs: number;
}

/** By formatted endpoint. */
export type UnlistedDrains = ReadonlyMap<string, UnlistedDrain>;

/**
 * What to do with servers that are not listed. Until one of ours is known to answer, they may be all that clients
 * have. An old entry in the table is no proof that its server still works, and one that is drained answers no
 * client.
 */
export function unlistedRule(
  members: readonly MemberState[],
  asked: DesiredVirtualServer["unlisted"],
): DesiredVirtualServer["unlisted"] {
  return members.some(isServing) ? asked : "keep";
}

/** Servers in the table that have a weight and are not listed. */
export function unlistedIn(
  observed: ObservedVirtualServer | undefined,
  listed: { has(name: string): boolean },
): readonly RealServer[] {
  return (observed?.realServers ?? [])
    .map(({ server }) => server)
    .filter((server) => server.weight > 0 && !listed.has(formatEndpoint(server.endpoint)));
}

/**
 * The servers on the way out after a round that began with these unlisted ones having a weight. Those sent away drain
 * from now on at the earliest, with the weight that they had. Those kept belong to their owners again. None is
 * forgotten before it is gone.
 */
export function unlistedAfter(
  drains: UnlistedDrains,
  unlisted: readonly RealServer[],
  rule: DesiredVirtualServer["unlisted"],
  {
    observed,
    operations,
  }: { readonly observed: ObservedVirtualServer | undefined; readonly operations: readonly Operation[] },
  nowMs: number,
): UnlistedDrains {
  if (unlisted.length === 0 && drains.size === 0) return drains;
  const standing = new Set(observed?.realServers.map(({ server }) => formatEndpoint(server.endpoint)));
  const drained = new Set<string>();
  for (const operation of operations) {
    if (operation.kind === "server.remove") standing.delete(formatEndpoint(operation.endpoint));
    if (operation.kind === "server.update") drained.add(formatEndpoint(operation.server.endpoint));
  }
  // With a weight of their own, they are not leaving unless this round drained them.
  const weighted = new Map(unlisted.map((server) => [formatEndpoint(server.endpoint), server]));
  const left = [...drains].filter(([key]) => standing.has(key) && !weighted.has(key));
  const begun = [...weighted].filter(([key]) => rule === "remove" && drained.has(key));
  return new Map([...left, ...begun.map(([key, server]) => [key, { server, sinceMs: nowMs }] as const)]);
}

/** Kept in service, they are not leaving: their time starts again when they are no longer kept. */
export function unlistedAt(
  drains: UnlistedDrains,
  rule: DesiredVirtualServer["unlisted"],
  nowMs: number,
): UnlistedDrains {
  if (rule === "remove") return drains;
  return new Map([...drains].map(([key, drain]) => [key, { ...drain, sinceMs: nowMs }]));
}

/**
 * Servers whose time is not over. A round comes once in each interval, but half an interval is enough, because timers
 * may fire a little early.
 */
export function mayStillStand({ sinceMs }: UnlistedDrain, nowMs: number, intervalMs: number): boolean {
  return nowMs - sinceMs < intervalMs / 2;
}
