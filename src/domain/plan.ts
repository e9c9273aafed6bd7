import { formatEndpoint, type Endpoint } from "./endpoint.ts";
import {
  formatServiceKey,
  NO_TRAFFIC,
  sameRealServer,
  sameService,
  type ObservedRealServer,
  type ObservedVirtualServer,
  type RealServer,
  type ServiceKey,
  type VirtualServer,
} from "./virtual-server.ts";

/** One change to a data plane. */
export type Operation =
  | { readonly kind: "service.create"; readonly service: VirtualServer }
  | { readonly kind: "service.update"; readonly service: VirtualServer; readonly from: VirtualServer }
  | { readonly kind: "service.delete"; readonly service: ServiceKey }
  | { readonly kind: "server.add"; readonly server: RealServer }
  | { readonly kind: "server.update"; readonly server: RealServer; readonly from: RealServer }
  | { readonly kind: "server.remove"; readonly endpoint: Endpoint };

/** The desired contents of the data plane; undefined in its place means: no such virtual server. */
export interface DesiredVirtualServer {
  readonly service: VirtualServer;
  readonly realServers: readonly RealServer[];
  /**
   * Servers on their way out, no longer listed or among the absent: kept at this weight while they are there, and
   * never created.
   */
  readonly leaving: readonly RealServer[];
  /** Real servers of ours that must not be there now. These are never spared as unlisted. */
  readonly absent: readonly Endpoint[];
  /** What to do with real servers that are not listed: drain and remove them, or leave them alone. */
  readonly unlisted: "remove" | "keep";
}

/**
 * The ordered operations that turn what is observed into what is desired.
 *
 * Safe at every prefix, since a batch of kernel writes is not atomic: servers are added and raised before others are
 * lowered and removed, and a server with a weight is first lowered to 0. Its removal is left to a later plan, so that
 * the round that takes a server out cuts no open connection. Entries that are the same object cost next to nothing,
 * so a thousand can be compared often.
 */
export function plan(
  desired: DesiredVirtualServer | undefined,
  observed: ObservedVirtualServer | undefined,
): readonly Operation[] {
  if (desired === undefined)
    return observed === undefined ? [] : [{ kind: "service.delete", service: observed.service }];
  const ours = new Set(desired.realServers);
  const standing = new Map<string, RealServer>();
  for (const { server } of observed?.realServers ?? [])
    if (!ours.delete(server)) standing.set(formatEndpoint(server.endpoint), server);
  const adds: Operation[] = [];
  const raises: Operation[] = [];
  const lowers: Operation[] = [];
  const removes: Operation[] = [];

  // A server of ours that gets its weight back has none now: one that has a weight was given it by others.
  const leaving = desired.leaving.filter(({ endpoint }) => {
    const from = standing.get(formatEndpoint(endpoint));
    return from !== undefined && (desired.unlisted === "remove" || from.weight === 0);
  });
  for (const server of [...ours, ...leaving]) {
    const key = formatEndpoint(server.endpoint);
    const from = standing.get(key);
    standing.delete(key);
    if (from === undefined) adds.push({ kind: "server.add", server });
    else if (!sameRealServer(from, server))
      (server.weight < from.weight ? lowers : raises).push({ kind: "server.update", server, from });
  }

  const absent = standing.size === 0 ? undefined : new Set(desired.absent.map(formatEndpoint));
  for (const [key, from] of standing) {
    if (desired.unlisted === "keep" && absent?.has(key) !== true) continue;
    if (from.weight === 0) removes.push({ kind: "server.remove", endpoint: from.endpoint });
    else lowers.push({ kind: "server.update", server: { ...from, weight: 0 }, from });
  }
  return [...planService(desired.service, observed), ...adds, ...raises, ...lowers, ...removes];
}

/** The table after operations that were planned from `observed`; undefined when there is no virtual server. */
export function afterOperations(
  observed: ObservedVirtualServer | undefined,
  operations: readonly Operation[],
): ObservedVirtualServer | undefined {
  if (operations.length === 0) return observed;
  let service = observed?.service;
  const added: RealServer[] = [];
  const updated = new Map<RealServer, RealServer>();
  const removed = new Set<Endpoint>();
  for (const operation of operations) {
    if (operation.kind === "service.create" || operation.kind === "service.update") service = operation.service;
    else if (operation.kind === "service.delete") service = undefined;
    else if (operation.kind === "server.add") added.push(operation.server);
    else if (operation.kind === "server.update") updated.set(operation.from, operation.server);
    else removed.add(operation.endpoint);
  }
  if (service === undefined) return undefined;
  const realServers: ObservedRealServer[] = [];
  for (const one of observed?.realServers ?? []) {
    if (removed.has(one.server.endpoint)) continue;
    const server = updated.get(one.server);
    realServers.push(server === undefined ? one : { ...one, server });
  }
  for (const server of added) realServers.push({ server, activeConnections: 0, inactiveConnections: 0 });
  return { service, stats: observed?.stats ?? NO_TRAFFIC, realServers };
}

/** One line for people: `set 10.0.0.2:6443 weight 1 → 0`. */
export function describeOperation(operation: Operation): string {
  switch (operation.kind) {
    case "service.create":
      return `create virtual server ${formatServiceKey(operation.service)} ${operation.service.scheduler}`;
    case "service.update":
      return `change virtual server ${formatServiceKey(operation.service)} ${describeChanges(operation.from, operation.service)}`;
    case "service.delete":
      return `delete virtual server ${formatServiceKey(operation.service)}`;
    case "server.add":
      return `add real server ${formatEndpoint(operation.server.endpoint)} weight ${operation.server.weight}`;
    case "server.update":
      return `set real server ${formatEndpoint(operation.server.endpoint)} ${describeChanges(operation.from, operation.server)}`;
    case "server.remove":
      return `remove real server ${formatEndpoint(operation.endpoint)}`;
  }
}

/**
 * The fields in which two values with the same endpoint differ: `weight 1 → 0`. A field that one of them lacks is
 * `none`.
 */
export function describeChanges<T extends object>(from: T, to: T): string {
  return (Object.keys({ ...from, ...to }) as (keyof T & string)[])
    .filter((key) => key !== "endpoint" && inWords(from[key]) !== inWords(to[key]))
    .map((key) => `${key} ${inWords(from[key])} → ${inWords(to[key])}`)
    .join(", ");
}

// --- internal ---

function planService(service: VirtualServer, observed: ObservedVirtualServer | undefined): Operation[] {
  if (observed === undefined) return [{ kind: "service.create", service }];
  const from = observed.service;
  return sameService(from, service) ? [] : [{ kind: "service.update", service, from }];
}

function inWords(value: unknown): string {
  return String(value ?? "") || "none";
}
