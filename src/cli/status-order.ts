import { conditionOf, CONDITIONS, isInService, isTroubled } from "../domain/in-service.ts";
import { describeNamed } from "../domain/name.ts";
import type { RealServerStatus, VirtualServerStatus } from "../domain/status.ts";

export const SORTS = ["trouble", "latency", "connections", "name"] as const;
export type Sort = (typeof SORTS)[number];

/** The worst first; alike ones stay in their order. */
export function inOrderOfTrouble(servers: readonly VirtualServerStatus[]): readonly VirtualServerStatus[] {
  const ranks = new Map(servers.map((server) => [server, rankOf(server)]));
  return servers.toSorted((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
}

/** There is something for people to look at. */
export function isVirtualServerTroubled(server: VirtualServerStatus): boolean {
  return rankOf(server) < SOUND;
}

/** `trouble`: those to look at first, then those that are out on purpose; the slowest and the busiest first; by name. */
export function inOrder(servers: readonly RealServerStatus[], sort: Sort): readonly RealServerStatus[] {
  switch (sort) {
    case "trouble":
      return servers.toSorted((a, b) => standing(a) - standing(b));
    case "latency":
      return servers.toSorted((a, b) => (b.lastVerdict?.latencyMs ?? -1) - (a.lastVerdict?.latencyMs ?? -1));
    case "connections":
      return servers.toSorted((a, b) => connectionsOf(b) - connectionsOf(a));
    case "name":
      return servers.toSorted((a, b) => COLLATOR.compare(describeNamed(a), describeNamed(b)));
  }
}

/** It is healthy and takes connections: there is nothing to say of it. */
export function isWell(server: RealServerStatus): boolean {
  return standing(server) === 2;
}

// --- internal ---

/** Numbers in names are compared as such: `10.0.0.9` before `10.0.0.10`. */
const COLLATOR = new Intl.Collator("en", { numeric: true });

const SOUND = CONDITIONS.length;

function rankOf(server: VirtualServerStatus): number {
  const { leaving, way, daemon, suspicion, reach } = server;
  if (leaving === true) return SOUND + 1;
  const condition = conditionOf(server);
  if (condition !== undefined && condition !== "serving") return CONDITIONS.toReversed().indexOf(condition);
  const isAmiss =
    way?.answers === false ||
    daemon?.failing !== undefined ||
    suspicion !== undefined ||
    reach?.objects.some(({ state }) => state === "failed") === true;
  return isAmiss ? SOUND - 1 : SOUND;
}

function standing(server: RealServerStatus): 0 | 1 | 2 {
  if (isTroubled(server) && server.state !== "unknown") return 0;
  return isInService(server) ? 2 : 1;
}

function connectionsOf({ activeConnections, inactiveConnections }: RealServerStatus): number {
  return activeConnections + inactiveConnections;
}
