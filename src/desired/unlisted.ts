import { formatEndpoint } from "../domain/endpoint.ts";
import type { DesiredVirtualServer, Operation } from "../domain/plan.ts";
import type { ObservedVirtualServer, RealServer } from "../domain/virtual-server.ts";
import { isDrainedByOperator, type MemberState } from "./member.ts";

/** A real server in our service that nobody listed, on its way out: it stands at weight 0 for one interval before it goes. */
export interface UnlistedDrain {
  /** As it was found, with the weight it had. */
  readonly server: RealServer;
  readonly sinceMs: number;
}

/** By formatted endpoint. */
export type UnlistedDrains = ReadonlyMap<string, UnlistedDrain>;

/**
 * What to do with those that nobody lists. Until one of ours is known to answer, they may be all that clients have: what stood in the
 * table from before is no proof that it still works, and one that an operator drained answers nobody.
 */
export function unlistedRule(
  members: readonly MemberState[],
  asked: DesiredVirtualServer["unlisted"],
): DesiredVirtualServer["unlisted"] {
  const serves = (member: MemberState): boolean =>
    member.state === "healthy" && member.history === "proven" && !isDrainedByOperator(member);
  return members.some(serves) ? asked : "keep";
}

/** Those in the table with a weight whom nobody listed. */
export function unlistedIn(
  observed: ObservedVirtualServer | undefined,
  listed: { has(name: string): boolean },
): readonly RealServer[] {
  return (observed?.realServers ?? [])
    .map(({ server }) => server)
    .filter((server) => server.weight > 0 && !listed.has(formatEndpoint(server.endpoint)));
}

/**
 * Who is on the way out after a round that began with these unlisted ones having a weight: sent away, they drain from now on at the earliest,
 * and with the weight they had then; kept, they are their owners' again. Nobody is forgotten before it is gone.
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

/** Kept in service, they are not leaving: their time begins anew when they no longer are. */
export function unlistedAt(
  drains: UnlistedDrains,
  rule: DesiredVirtualServer["unlisted"],
  nowMs: number,
): UnlistedDrains {
  if (rule === "remove") return drains;
  return new Map([...drains].map(([key, drain]) => [key, { ...drain, sinceMs: nowMs }]));
}

/** Whose time is not up. A round comes once each interval; half of one is asked for, because timers may fire a little early. */
export function mayStillStand({ sinceMs }: UnlistedDrain, nowMs: number, intervalMs: number): boolean {
  return nowMs - sinceMs < intervalMs / 2;
}
