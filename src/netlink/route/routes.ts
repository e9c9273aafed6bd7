import {
  addressBytes,
  addressFromBytes,
  addressLength,
  hostPrefix,
  type Endpoint,
  type Family,
} from "../../domain/endpoint.ts";
import { attributeTable, raw, readAttributes, u32, writeAttributes } from "../attributes.ts";
import type { NetlinkRequest } from "../connection.ts";
import { FAMILY_NUMBER, familyName } from "../family.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../messages.ts";
import { ByteReader } from "../reader.ts";

/** A row of a routing table. */
export interface Route {
  readonly family: Family;
  /** The network's address; all zeros with prefix 0 for a default route. */
  readonly destination: string;
  readonly prefix: number;
  /** `RT_TABLE_*` of linux/rtnetlink.h: 254 is main. */
  readonly table: number;
  /** Its origin: `RTPROT_*`. */
  readonly protocol: number;
  /** `RT_SCOPE_*`; always 0, universe, for IPv6. */
  readonly scope: number;
  /** `RTN_*`. */
  readonly type: number;
  /** The lower, the sooner taken. */
  readonly metric: number;
  /** Undefined for a destination on the link itself and for a route of several hops. */
  readonly gateway?: string;
  /** Undefined for routes of several hops or none. */
  readonly linkIndex?: number;
  /** The address that this host speaks from, unless it has bound another. */
  readonly source?: string;
}

export const RT_TABLE_MAIN = 254;
export const RTN_UNICAST = 1;
/** The destination is this host itself. */
export const RTN_LOCAL = 2;
export const RT_SCOPE_UNIVERSE = 0;
/** The default of iproute2 and netlink libraries. */
export const RTPROT_BOOT = 3;

/**
 * EEXIST when the table has one with this destination and metric; ENETUNREACH when no link leads to the gateway. For
 * IPv6 the latter is EHOSTUNREACH, and EINVAL says that the gateway is an address of this host, which IPv4 allows.
 */
export function newRoute(route: Route): NetlinkRequest {
  return routeRequest(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
}

/** As `newRoute`, in the place of the one with this destination and metric, if there is one, without a moment between them. */
export function replaceRoute(route: Route): NetlinkRequest {
  return routeRequest(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
}

/** ESRCH when there is none with all these properties. */
export function deleteRoute(route: Route): NetlinkRequest {
  return routeRequest(RTM_DELROUTE, 0, route);
}

/** To be dumped: the routes of every table of one family. */
export function getRoutes(family: Family): NetlinkRequest {
  return {
    type: RTM_GETROUTE,
    body(writer) {
      writer.u8(FAMILY_NUMBER[family]);
      writer.zeros(RTMSG_BYTES - 1);
    },
  };
}

/**
 * Asks by which way the kernel sends this host's packets for an address. The reply is one route to just this address,
 * or ENETUNREACH when there is no way. A route may also refuse: EHOSTUNREACH (unreachable), EACCES (prohibit), EINVAL
 * (blackhole).
 */
export function lookUpRoute({ family, address }: Omit<Endpoint, "port">): NetlinkRequest {
  return {
    type: RTM_GETROUTE,
    body(writer) {
      writer.u8(FAMILY_NUMBER[family]);
      writer.u8(hostPrefix(family));
      writer.zeros(RTMSG_BYTES - 2);
      writeAttributes(writer, ROUTE, { destination: addressBytes(address) });
    },
  };
}

/** One route of the dump, of a look-up or of a notification, or undefined for one of another family. Throws MALFORMED_MESSAGE. */
export function decodeRoute(payload: Uint8Array): Route | undefined {
  const reader = new ByteReader(payload);
  const family = familyName(reader.u8());
  const prefix = reader.u8();
  reader.u16(); // source prefix, type of service
  const table = reader.u8();
  const protocol = reader.u8();
  const scope = reader.u8();
  const type = reader.u8();
  reader.u32(); // flags
  const attributes = readAttributes(reader, ROUTE);
  reader.finish("route");
  if (family === undefined) return undefined;
  const addressOf = (bytes: Uint8Array): string => {
    if (bytes.length !== addressLength(family)) reader.fail();
    return addressFromBytes(bytes);
  };
  const { destination = new Uint8Array(addressLength(family)), gateway, source, linkIndex } = attributes;
  const route: Route = {
    family,
    destination: addressOf(destination),
    prefix,
    table: attributes.table ?? table,
    protocol,
    scope,
    type,
    metric: attributes.metric ?? 0,
    ...(gateway !== undefined && { gateway: addressOf(gateway) }),
    ...(linkIndex !== undefined && { linkIndex }),
    ...(source !== undefined && { source: addressOf(source) }),
  };
  reader.finish("route");
  return route;
}

// --- internal ---

/** linux/rtnetlink.h */
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

const RTMSG_BYTES = 12;

/** RTA_* */
const ROUTE = attributeTable({
  destination: [1, raw],
  linkIndex: [4, u32],
  gateway: [5, raw],
  metric: [6, u32],
  source: [7, raw],
  table: [15, u32],
});

/** For tables whose number does not fit into the header's byte: it is in the attribute. */
const RT_TABLE_UNSPEC = 0;

function routeRequest(type: number, flags: number, route: Route): NetlinkRequest {
  const { table, linkIndex, metric } = route;
  return {
    type,
    flags,
    body(writer) {
      writer.u8(FAMILY_NUMBER[route.family]);
      writer.u8(route.prefix);
      writer.u16(0); // source prefix, type of service
      writer.u8(table < 256 ? table : RT_TABLE_UNSPEC);
      writer.u8(route.protocol);
      writer.u8(route.scope);
      writer.u8(route.type);
      writer.u32(0); // flags
      writeAttributes(writer, ROUTE, {
        destination: route.prefix === 0 ? undefined : addressBytes(route.destination),
        linkIndex,
        gateway: bytesOf(route.gateway),
        metric,
        source: bytesOf(route.source),
        table,
      });
    },
  };
}

function bytesOf(address: string | undefined): Uint8Array | undefined {
  return address === undefined ? undefined : addressBytes(address);
}
