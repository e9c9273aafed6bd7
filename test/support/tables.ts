import fc from "fast-check";
import { formatEndpoint, parseEndpoint } from "../../src/domain/endpoint.ts";
import { describeOperation, type DesiredVirtualServer, type Operation } from "../../src/domain/plan.ts";
import {
  NO_TRAFFIC,
  realServer,
  virtualServer,
  type ObservedVirtualServer,
  type RealServer,
} from "../../src/domain/virtual-server.ts";

/** Tables of one small virtual server, for properties of plans. */
export const service = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.96.0.1:443") }, "rr");
const address = fc.integer({ min: 1, max: 8 }).map((n) => `10.0.0.${n}:443`);
export const servers = fc
  .dictionary(address, fc.integer({ min: 0, max: 3 }))
  .map((weights) => Object.entries(weights).map(([key, weight]) => realServer(parseEndpoint(key), weight)));
export const unlisted = fc.constantFrom("remove" as const, "keep" as const);

export function server(key: string, weight: number): RealServer {
  return realServer(parseEndpoint(key), weight);
}

export function want(
  realServers: readonly RealServer[],
  rule: DesiredVirtualServer["unlisted"] = "remove",
): DesiredVirtualServer {
  return { service, realServers, leaving: [], absent: [], unlisted: rule };
}

export function observe(realServers: readonly RealServer[]): ObservedVirtualServer {
  const none = { activeConnections: 0, inactiveConnections: 0, stats: NO_TRAFFIC };
  return { service, stats: NO_TRAFFIC, realServers: realServers.map((one) => ({ server: one, ...none })) };
}

export function execute(table: readonly RealServer[], operations: readonly Operation[]): RealServer[] {
  const after = new Map(byKey(table));
  for (const operation of operations) {
    if (operation.kind === "server.remove") after.delete(formatEndpoint(operation.endpoint));
    if ("server" in operation) after.set(formatEndpoint(operation.server.endpoint), operation.server);
  }
  return [...after.values()];
}

export function byKey(table: readonly RealServer[]): [string, RealServer][] {
  return table
    .map((one): [string, RealServer] => [formatEndpoint(one.endpoint), one])
    .toSorted(([a], [b]) => a.localeCompare(b));
}

/** Of operations of one kind any may come first. */
export function inOrder(operations: readonly Operation[]): string[] {
  return operations.map(describeOperation).toSorted();
}

export function has(table: readonly RealServer[], one: RealServer): boolean {
  return find(table, one) !== undefined;
}

export function find(table: readonly RealServer[], { endpoint }: Pick<RealServer, "endpoint">): RealServer | undefined {
  return table.find((other) => formatEndpoint(other.endpoint) === formatEndpoint(endpoint));
}
