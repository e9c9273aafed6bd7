import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import type { RealServerState } from "../domain/health.ts";
import {
  sameService,
  virtualServer,
  type ObservedVirtualServer,
  type RealServer,
  type VirtualServer,
} from "../domain/virtual-server.ts";
import type { History } from "./member.ts";

/** How a real server is begun with. */
export interface Beginning {
  readonly state: RealServerState;
  readonly history: History;
  /** Clients have never used it: one good check is enough, whatever `rise` says, and it gets its full weight. */
  readonly unproven: boolean;
}

/**
 * The first state of a real server, from the table. Weight 0 means that it was draining (unless it is drained on
 * purpose), absent that it had been removed. Without a service in the table, nothing is known of any server. `up` takes
 * every server as healthy without a check, whatever the table says. A server with a weight had clients: it is not
 * given up with the rest when this daemon restarts during a common failure.
 */
export function adoptedState(
  server: RealServer,
  observed: ObservedVirtualServer | undefined,
  initState: "down" | "up",
  isDrained = false,
): Beginning {
  if (initState === "up") return { state: "healthy", history: "proven", unproven: false };
  if (observed === undefined) return { state: "recovering", history: "none", unproven: true };
  const standing = find(observed, server.endpoint);
  if (standing === undefined) return { state: "removed", history: "none", unproven: false };
  const wasFailing = standing.weight === 0 && !isDrained;
  if (wasFailing) return { state: "draining", history: "none", unproven: false };
  return { state: "healthy", history: "served", unproven: false };
}

/**
 * The first state of a real server that is added while others are cared for: by the table if it stands there, else as
 * in a new virtual server. `known`: what it was before it left, if it comes back.
 */
export function joiningState(
  server: RealServer,
  observed: ObservedVirtualServer | undefined,
  initState: "down" | "up",
  known: History | undefined,
  isDrained = false,
): Beginning {
  const standing = observed && find(observed, server.endpoint) && observed;
  if (known === undefined || known === "none") return adoptedState(server, standing, initState, isDrained);
  return { ...adoptedState(server, standing, "down", isDrained), history: known, unproven: false };
}

/**
 * Keeps what the table says and none of our options sets (forwarding, connection limits), so that the first write
 * does not reset it. A server that was removed comes back with the forwarding of the others, if they all have the
 * same.
 */
export function adoptServer(server: RealServer, observed: ObservedVirtualServer | undefined): RealServer {
  if (observed === undefined) return server;
  const standing = find(observed, server.endpoint);
  return standing === undefined ? { ...server, ...commonForwarding(observed) } : { ...standing, weight: server.weight };
}

/**
 * As `adoptServer`, for the virtual server: the scheduler is ours to say. Flags and persistence stay as they are where
 * the configuration has none.
 */
export function adoptService(service: VirtualServer, observed: ObservedVirtualServer | undefined): VirtualServer {
  if (observed === undefined || !sameService(service, virtualServer(service, service.scheduler))) return service;
  return { ...observed.service, scheduler: service.scheduler };
}

// --- internal ---

function commonForwarding(observed: ObservedVirtualServer): Partial<RealServer> {
  const ways = observed.realServers.map(({ server: { forwarding, tunnelType, tunnelPort, tunnelFlags } }) => ({
    forwarding,
    ...(tunnelType && { tunnelType }),
    ...(tunnelPort && { tunnelPort }),
    ...(tunnelFlags && { tunnelFlags }),
  }));
  const isCommon = new Set(ways.map((way) => JSON.stringify(way))).size === 1;
  return isCommon ? (ways[0] ?? {}) : {};
}

function find(observed: ObservedVirtualServer, endpoint: Endpoint): RealServer | undefined {
  const key = formatEndpoint(endpoint);
  return observed.realServers.find(({ server }) => formatEndpoint(server.endpoint) === key)?.server;
}
