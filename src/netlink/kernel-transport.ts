import { NetlinkSocket, openListeningNetlink } from "#native";
import type { NetlinkTransport } from "./transport.ts";

/**
 * The way to this machine's kernel: `generic` for families such as IPVS, `route` for links and addresses, `netfilter`
 * for nftables.
 */
export function openKernelTransport(protocol: "generic" | "route" | "netfilter"): NetlinkTransport {
  return NetlinkSocket.open(protocol);
}

/**
 * A descriptor on which the kernel reports changes of links, addresses, routes and neighbours, for `Bun.connect({ fd
 * })`; `groups` as `changeGroups` and `pathGroups` give them. Throws SOCKET_FAILED.
 */
export function openChangeDescriptor(groups: number): number {
  return openListeningNetlink("route", groups);
}
