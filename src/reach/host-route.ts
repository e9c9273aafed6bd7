import { hostPrefix, isLoopback, type Endpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { LinkAddress } from "../netlink/route/addresses.ts";
import {
  deleteRoute,
  replaceRoute,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTN_UNICAST,
  RTPROT_BOOT,
  type Route,
} from "../netlink/route/routes.ts";
import { execute, OUR_PROTOCOL, refused } from "./host-network.ts";
import type { Foresight, HostObject } from "./host-object.ts";
import type { HostView, SeenHost } from "./host-view.ts";
import type { HostAddress } from "./hosts-file.ts";
import { NODE_NAME } from "./node-address.ts";

export interface HostRouteOptions {
  readonly destination: Omit<Endpoint, "port">;
  /** This node's address, or another gateway, as it is now. Undefined when it is not known: then the route is missing. */
  readonly gateway: Gateway;
  /** The real servers: a route by which this host reaches others does not lead to servers on this host itself. */
  readonly servers: readonly HostAddress[];
  /** Whether something on this host still has use for the route: `remove` then leaves it. */
  readonly isInUse: () => Promise<boolean>;
  /** Gets, once each, the routes that others made and that lead elsewhere. */
  readonly logger: Pick<Logger, "warn">;
  readonly view: HostView;
}

/** Called for each look, because the answer may have changed. */
export type Gateway = (host: SeenHost) => string | undefined;

/**
 * The route that lets this host's own clients connect to the virtual address, which is no address of this host:
 * without one, the kernel would say that there is no way before IPVS saw a packet. Packets never get as far as the
 * gateway.
 *
 * Ours are recognized by their number. The Go program's have none: one that equals ours is taken for it.
 */
export function hostRoute(options: HostRouteOptions): HostObject {
  const { destination, isInUse, view } = options;
  let name = describe({ destination: destination.address, prefix: hostPrefix(destination.family), metric: METRIC });
  const reportOnce = onlyOnce((message) => options.logger.warn(message));
  const look = (host: SeenHost): RouteView => {
    const seen = seeRoutes(host, options, reportOnce);
    if (seen.wanted !== undefined) name = describe(seen.wanted);
    return seen;
  };
  return {
    get name() {
      return name;
    },
    tolerates: ["IN_THE_WAY"],
    isHeardOf: true,
    inspect: async () => view.use((host) => deviationOf(look(host))),
    foresee: async () =>
      view.use((host): Foresight => {
        const seen = look(host);
        const deviation = deviationOf(seen);
        if (deviation === undefined) return { deviation };
        if (seen.wanted === undefined) return { deviation, obstacle: noGateway(destination) };
        const { blockedBy, wanted } = seen;
        return blockedBy === undefined ? { deviation } : { deviation, obstacle: inTheWay(blockedBy, wanted) };
      }),
    async establish() {
      view.use((host) => {
        const { wanted, isThere, blockedBy, stale } = look(host);
        if (wanted === undefined) throw noGateway(destination);
        const isToBeMade = !isThere && blockedBy === undefined;
        if (isToBeMade) {
          const refusal = execute(host.connection, replaceRoute(wanted));
          if (refusal !== undefined) throw refused(refusal, `add ${describe(wanted)}`);
          host.made(wanted);
        }
        // One with this metric was replaced. Told to delete it, the kernel would take ours: for IPv6 it heeds no source.
        deleteRoutes(host, isToBeMade ? stale.filter(({ metric }) => metric !== wanted.metric) : stale);
        if (blockedBy !== undefined) throw inTheWay(blockedBy, wanted);
      });
    },
    async remove() {
      if (await isInUse()) return false;
      return view.use((host) => deleteRoutes(host, look(host).ours) > 0);
    },
    async isRemovable() {
      if (await isInUse()) return false;
      return view.use((host) => look(host).ours.length > 0);
    },
  };
}

// --- internal ---

/** The Go program's; a route without a metric, which has 0, comes before it. */
const METRIC = 50;

interface RouteView {
  readonly wanted: Route | undefined;
  readonly isThere: boolean;
  /**
   * Clients reach IPVS without it: by another route, such as one from a time when the gateway was known, or because
   * the address is on this host itself.
   */
  readonly isSpared: boolean;
  /** Another program's route in the place of ours. */
  readonly blockedBy: Route | undefined;
  readonly ours: readonly Route[];
  /** Routes of ours that lead elsewhere: made with other options. */
  readonly stale: readonly Route[];
}

function deviationOf({ wanted, isThere, isSpared, stale }: RouteView): string | undefined {
  if (stale.length > 0) return `there is ${stale.map(describe).join(" and ")}`;
  return isThere || (wanted === undefined && isSpared) ? undefined : "missing";
}

function seeRoutes(
  host: SeenHost,
  { destination, gateway: gatewayNow, servers }: HostRouteOptions,
  report: (message: string) => void,
): RouteView {
  const addresses = host.addresses();
  const routes = host.routesTo(destination);
  const gateway = gatewayNow(host);
  const wanted = gateway === undefined ? undefined : wantedRoute(destination, gateway, addresses, servers);
  const isWanted = (route: Route): boolean => wanted !== undefined && leadsTheSameWay(route, wanted);
  const isOurs = (route: Route): boolean =>
    route.protocol === OUR_PROTOCOL || (isOfGoProgram(route) && isItsGateway(route.gateway, gateway, addresses));
  const ours = routes.filter(isOurs);
  const others = routes.filter((route) => !isOurs(route) && !isWanted(route));
  const isThere = routes.some(isWanted);
  const blockedBy = isThere ? undefined : others.find(({ metric }) => metric === METRIC);
  if (wanted !== undefined) for (const route of others) reportOther(route, wanted, report);
  const isSpared = routes.length > 0 || addresses.some(({ address }) => address === destination.address);
  return { wanted, isThere, isSpared, blockedBy, ours, stale: wanted ? ours.filter((route) => !isWanted(route)) : [] };
}

/**
 * IPv6 does not accept an address of this host as a gateway: there the route uses the link of that address, and the
 * address as its source. IPv4 accepts one and uses that link too, but from there packets do not reach real servers on
 * this host itself. If there are such servers, the route uses the loopback device and that address as its source: it
 * leads to all of them, because IPVS looks up their ways itself.
 */
function wantedRoute(
  { family, address }: HostRouteOptions["destination"],
  gateway: string,
  addresses: readonly LinkAddress[],
  servers: readonly HostAddress[],
): Route {
  const own = addresses.find((candidate) => candidate.address === gateway);
  const isHere = (one: HostAddress): boolean =>
    isLoopback(one.address) || addresses.some((candidate) => candidate.address === one.address);
  const byLoopback = family === "ipv4" && (own !== undefined || isLoopback(gateway)) && servers.some(isHere);
  return {
    family,
    destination: address,
    prefix: hostPrefix(family),
    table: RT_TABLE_MAIN,
    protocol: OUR_PROTOCOL,
    scope: RT_SCOPE_UNIVERSE,
    type: RTN_UNICAST,
    metric: METRIC,
    ...(byLoopback
      ? { gateway: "127.0.0.1", source: gateway }
      : own === undefined || family === "ipv4"
        ? { gateway }
        : { linkIndex: own.linkIndex, source: gateway }),
  };
}

function noGateway({ address }: HostRouteOptions["destination"]): LvscareError {
  return new LvscareError(
    "NO_NODE_ADDRESS",
    "this node's address is not known, and so clients on it have no way there",
    {
      operation: `make a route to ${address}`,
      remedy: `name it with --ip, LVSCARE_NODE_IP or ${NODE_NAME} in /etc/hosts; it is found by itself once a route leads to a real server`,
    },
  );
}

function inTheWay(other: Route, wanted: Route): LvscareError {
  return new LvscareError("IN_THE_WAY", standing(other, wanted), {
    operation: `add ${describe(wanted)}`,
    remedy: `remove it, or give it a metric above ${METRIC}`,
  });
}

function leadsTheSameWay(route: Route, wanted: Route): boolean {
  if (route.type !== wanted.type || route.metric !== wanted.metric || route.gateway !== wanted.gateway) return false;
  if (wanted.source !== undefined && route.source !== wanted.source) return false;
  return wanted.linkIndex === undefined || route.linkIndex === wanted.linkIndex;
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
  // Not for a route with the same metric: that one is reported as the reason why ours is missing.
  if (route.metric < wanted.metric) report(standing(route, wanted));
}

function standing(route: Route, wanted: Route): string {
  const consequence = route.metric === wanted.metric ? "stands in the place of" : "comes before";
  return `${describe(route)} was made by others (protocol ${route.protocol}) and ${consequence} ${describe(wanted)}; it stays`;
}

function deleteRoutes(host: SeenHost, routes: readonly Route[]): number {
  let deleted = 0;
  for (const route of routes) {
    const refusal = execute(host.connection, deleteRoute(route));
    if (refusal === undefined) deleted++;
    // Replaced a moment ago, or another process was faster.
    else if (refusal.errno !== "ESRCH") throw refused(refusal, `delete ${describe(route)}`);
    host.deleted(route);
  }
  return deleted;
}

/** As `ip route` writes it. */
function describe({
  destination,
  prefix,
  gateway,
  source,
  metric,
}: Pick<Route, "destination" | "prefix" | "metric" | "gateway" | "source">): string {
  const via = gateway === undefined ? "" : ` via ${gateway}`;
  const from = source === undefined ? "" : ` src ${source}`;
  return `route ${destination}/${prefix}${via}${from} metric ${metric}`;
}

function onlyOnce(tell: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (!told.has(message)) tell(message);
    told.add(message);
  };
}
