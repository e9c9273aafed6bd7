import type { Family } from "../../domain/endpoint.ts";
import { NLMSG_OVERRUN, readMessages, type NetlinkMessage } from "../messages.ts";
import { decodeAddress, RTM_DELADDR, RTM_NEWADDR, type LinkAddress } from "./addresses.ts";
import { decodeLinkState, RTM_DELLINK, RTM_NEWLINK, type LinkState } from "./links.ts";
import { decodeNeighbour, RTM_DELNEIGH, RTM_NEWNEIGH, type Neighbour } from "./neighbours.ts";
import { decodeRoute, RTM_DELROUTE, RTM_NEWROUTE, type Route } from "./routes.ts";

/**
 * Something of this host's network came, went or changed: the kernel reports it to all members of its groups. When a
 * link goes down, its routes are not reported one by one: the link's change is the only message.
 */
export type HostChange =
  | { readonly kind: "link"; readonly link: LinkState }
  | { readonly kind: "neighbour"; readonly neighbour: Neighbour }
  | { readonly kind: "address"; readonly address: LinkAddress }
  | { readonly kind: "route"; readonly route: Route }
  /** The kernel had more reports than there was room for. */
  | { readonly kind: "lost" };

/** The multicast groups, as the mask that a socket is bound with: links, and one family's addresses and routes. */
export function changeGroups(family: Family): number {
  return family === "ipv4"
    ? RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE
    : RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;
}

/** The same for what lies between this host and others: links, and neighbours of both families. */
export function pathGroups(): number {
  return RTMGRP_LINK | RTMGRP_NEIGH;
}

/** The changes in one datagram. Throws MALFORMED_MESSAGE. */
export function readChanges(datagram: Uint8Array): readonly HostChange[] {
  return readMessages(datagram).flatMap((message) => changeOf(message) ?? []);
}

// --- internal ---

/** linux/rtnetlink.h */
const RTMGRP_LINK = 0x1;
const RTMGRP_NEIGH = 0x4;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV6_IFADDR = 0x100;
const RTMGRP_IPV6_ROUTE = 0x400;

function changeOf({ type, payload }: NetlinkMessage): HostChange | undefined {
  switch (type) {
    case RTM_NEWLINK:
      return { kind: "link", link: decodeLinkState(payload) };
    case RTM_DELLINK:
      return { kind: "link", link: { ...decodeLinkState(payload), isRunning: false } };
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const neighbour = decodeNeighbour(payload);
      return neighbour && { kind: "neighbour", neighbour };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(payload);
      return address && { kind: "address", address };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(payload);
      return route && { kind: "route", route };
    }
    case NLMSG_OVERRUN:
      return { kind: "lost" };
    default:
      return undefined;
  }
}
