import type { DesiredVirtualServer } from "../domain/plan.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { sameRealServer, sameService, type ObservedVirtualServer } from "../domain/virtual-server.ts";

/**
 * What was read, with the known objects in place of entries that are equal and at the same position. A data plane
 * lists entries in the same order each time, and identical objects need no comparison of their fields.
 */
export function asKnown(read: ObservedVirtualServer, known: ObservedVirtualServer): ObservedVirtualServer {
  const service = sameService(known.service, read.service) ? known.service : read.service;
  const realServers = read.realServers.map((one, index) => {
    const server = known.realServers[index]?.server;
    return server !== undefined && sameRealServer(server, one.server) ? { ...one, server } : one;
  });
  return { ...read, service, realServers };
}

/** Whether two tables hold the same entry objects, whatever traffic these carried. */
export function sameEntries(a: ObservedVirtualServer, b: ObservedVirtualServer): boolean {
  return (
    a.service === b.service &&
    a.realServers.length === b.realServers.length &&
    a.realServers.every(({ server }, index) => server === b.realServers[index]?.server)
  );
}

/**
 * The same table with the desired objects in place of equal entries: nothing is stored twice, and the next comparison
 * is cheap.
 */
export function recognized(
  observed: ObservedVirtualServer,
  desired: DesiredVirtualServer | undefined,
): ObservedVirtualServer {
  if (desired === undefined) return observed;
  const wanted = new Set([...desired.realServers, ...desired.leaving]);
  // So it mostly is.
  if (observed.realServers.every(({ server }) => wanted.has(server))) return observed;
  const byKey = new Map(Array.from(wanted, (server) => [formatEndpoint(server.endpoint), server]));
  const realServers = observed.realServers.map((one) => {
    if (wanted.has(one.server)) return one;
    const server = byKey.get(formatEndpoint(one.server.endpoint));
    return server !== undefined && sameRealServer(server, one.server) ? { ...one, server } : one;
  });
  return { ...observed, realServers };
}
