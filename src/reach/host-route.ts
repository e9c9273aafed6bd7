import type { Endpoint } from "../domain/endpoint.ts";
import type { Logger } from "../domain/logger.ts";
import type { NetlinkConnection } from "../netlink/connection.ts";
import { addressLength } from "../netlink/family.ts";
import type { LinkAddress } from "../netlink/route/addresses.ts";
import {
  decodeRoute,
  deleteRoute,
  getRoutes,
  replaceRoute,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTN_UNICAST,
  RTPROT_BOOT,
  type Route,
} from "../netlink/route/routes.ts";
import {
  connected,
  execute,
  openHostNetwork,
  OUR_PROTOCOL,
  readAddresses,
  readTable,
  refused,
  type OpenTransport,
} from "./host-network.ts";
import type { HostObject } from "./host-object.ts";

export interface HostRouteOptions {
  readonly destination: Omit<Endpoint, "port">;
  /** Of the destination's family. Undefined when nobody named one: then no route is wanted, and `remove` is all there is to do. */
  readonly gateway: string | undefined;
  /** Whether something on this host still has use for the route: `remove` then leaves it. */
  readonly isInUse: () => Promise<boolean>;
  /** Hears, once each, of routes that others made and that lead elsewhere. */
  readonly logger: Pick<Logger, "warn">;
  readonly openTransport?: OpenTransport;
}

/**
 * The route that lets this host's own clients connect to the virtual address, which is no address of this host: without one the
 * kernel would say that there is no way, before IPVS ever saw a packet. It never gets as far as the gateway.
 *
 * Ours are known by their number. The Go program's bear none: one that is the same as ours is taken for it.
 */
export function hostRoute(options: HostRouteOptions): HostObject {
  const { destination, gateway, isInUse, openTransport = openHostNetwork } = options;
  const reportOnce = onlyOnce((message) => options.logger.warn(message));
  const look = (connection: NetlinkConnection): Sight => seeRoutes(connection, options, reportOnce);
  return {
    name: describe({ destination: destination.address, prefix: hostPrefix(destination), gateway, metric: METRIC }),
    async inspect() {
      return connected(openTransport, (connection) => {
        const { wanted, isThere, blockedBy, stale } = look(connection);
        if (stale.length > 0) return `there is ${stale.map(describe).join(" and ")}`;
        return wanted === undefined || isThere || blockedBy !== undefined ? undefined : "missing";
      });
    },
    async establish() {
      connected(openTransport, (connection) => {
        const { wanted, isThere, blockedBy, stale } = look(connection);
        if (wanted !== undefined && !isThere && blockedBy === undefined) {
          const refusal = execute(connection, replaceRoute(wanted));
          if (refusal !== undefined) throw refused(refusal, `add ${describe(wanted)}`);
        }
        deleteRoutes(connection, stale);
      });
    },
    async remove() {
      if (await isInUse()) return false;
      return connected(openTransport, (connection) => deleteRoutes(connection, look(connection).ours) > 0);
    },
  };
}

// --- internal ---

/** The Go program's; a route without a metric, which has 0, comes before it. */
const METRIC = 50;

interface Sight {
  readonly wanted: Route | undefined;
  readonly isThere: boolean;
  /** A route of somebody else in the place where ours would stand. */
  readonly blockedBy: Route | undefined;
  readonly ours: readonly Route[];
  /** Those of ours that lead elsewhere: made with other options. */
  readonly stale: readonly Route[];
}

function seeRoutes(
  connection: NetlinkConnection,
  { destination, gateway }: HostRouteOptions,
  report: (message: string) => void,
): Sight {
  const addresses = readAddresses(connection);
  const all = readTable(connection, getRoutes(destination.family), decodeRoute, "read this host's routes");
  const routes = all.filter((route) => isTo(route, destination));
  const wanted = gateway === undefined ? undefined : wantedRoute(destination, gateway, addresses);
  const isWanted = (route: Route): boolean => wanted !== undefined && leadsTheSameWay(route, wanted);
  const isOurs = (route: Route): boolean =>
    route.protocol === OUR_PROTOCOL || (isOfGoProgram(route) && isItsGateway(route.gateway, gateway, addresses));
  const ours = routes.filter(isOurs);
  const others = routes.filter((route) => !isOurs(route) && !isWanted(route));
  const isThere = routes.some(isWanted);
  const blockedBy = isThere ? undefined : others.find(({ metric }) => metric === METRIC);
  if (wanted !== undefined) for (const route of others) reportOther(route, wanted, report);
  return { wanted, isThere, blockedBy, ours, stale: wanted ? ours.filter((route) => !isWanted(route)) : [] };
}

/** IPv6 takes no address of this host for a gateway: there the route goes out by that address' link, and speaks from it. */
function wantedRoute(
  { family, address }: HostRouteOptions["destination"],
  gateway: string,
  addresses: readonly LinkAddress[],
): Route {
  const own = family === "ipv6" ? addresses.find((candidate) => candidate.address === gateway) : undefined;
  return {
    family,
    destination: address,
    prefix: 8 * addressLength(family),
    table: RT_TABLE_MAIN,
    protocol: OUR_PROTOCOL,
    scope: RT_SCOPE_UNIVERSE,
    type: RTN_UNICAST,
    metric: METRIC,
    ...(own === undefined ? { gateway } : { linkIndex: own.linkIndex, source: gateway }),
  };
}

function isTo(route: Route, destination: HostRouteOptions["destination"]): boolean {
  return (
    route.table === RT_TABLE_MAIN &&
    route.destination === destination.address &&
    route.prefix === hostPrefix(destination)
  );
}

function leadsTheSameWay(route: Route, wanted: Route): boolean {
  if (route.type !== wanted.type || route.metric !== wanted.metric || route.gateway !== wanted.gateway) return false;
  return wanted.linkIndex === undefined || (route.linkIndex === wanted.linkIndex && route.source === wanted.source);
}

/** It leaves everything but destination, gateway and metric to its netlink library. */
function isOfGoProgram(route: Route): boolean {
  return route.protocol === RTPROT_BOOT && route.metric === METRIC && route.type === RTN_UNICAST;
}

/** The gateway we were given, or, as usual, an address of this host, which serves no other purpose than ours. */
function isItsGateway(
  candidate: string | undefined,
  gateway: string | undefined,
  addresses: readonly LinkAddress[],
): boolean {
  return candidate !== undefined && (candidate === gateway || addresses.some(({ address }) => address === candidate));
}

function reportOther(route: Route, wanted: Route, report: (message: string) => void): void {
  if (route.metric > wanted.metric) return;
  const consequence = route.metric === wanted.metric ? "stands in the place of" : "comes before";
  report(
    `${describe(route)} was made by others (protocol ${route.protocol}) and ${consequence} ${describe(wanted)}; it stays`,
  );
}

function deleteRoutes(connection: NetlinkConnection, routes: readonly Route[]): number {
  let deleted = 0;
  for (const route of routes) {
    const refusal = execute(connection, deleteRoute(route));
    if (refusal === undefined) deleted++;
    // Replaced a moment ago, or somebody was quicker.
    else if (refusal.errno !== "ESRCH") throw refused(refusal, `delete ${describe(route)}`);
  }
  return deleted;
}

/** As `ip route` writes it. */
function describe({
  destination,
  prefix,
  gateway,
  metric,
}: Pick<Route, "destination" | "prefix" | "metric"> & { readonly gateway?: string | undefined }): string {
  const via = gateway === undefined ? "" : ` via ${gateway}`;
  return `route ${destination}/${prefix}${via} metric ${metric}`;
}

function hostPrefix({ family }: HostRouteOptions["destination"]): number {
  return 8 * addressLength(family);
}

function onlyOnce(tell: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (!told.has(message)) tell(message);
    told.add(message);
  };
}
