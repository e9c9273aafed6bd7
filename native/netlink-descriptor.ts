import { kernelRefused } from "./kernel-refused.ts";
import { closeFd, errno, libc } from "./libc.ts";
import { AF_NETLINK, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from "./socket-constants.ts";

/** `generic`: families such as IPVS. `route`: links and addresses. `netfilter`: nftables. */
export type NetlinkProtocol = "generic" | "route" | "netfilter";

/** NETLINK_GENERIC, NETLINK_ROUTE and NETLINK_NETFILTER of linux/netlink.h. */
export const PROTOCOL_NUMBER: Readonly<Record<NetlinkProtocol, number>> = { generic: 16, route: 0, netfilter: 12 };

/** An open netlink descriptor, and how it is closed. */
export interface NetlinkDescriptor {
  readonly fd: number;
  readonly via: "libnl" | "netlink socket";
  readonly close: () => void;
}

export interface NetlinkListening {
  /** The mask of the multicast groups to join. */
  readonly groups: number;
}

/**
 * A netlink socket straight from libc, for hosts without libnl. One that listens to groups never blocks. Throws
 * SOCKET_FAILED with the errno.
 */
export function openPlainNetlink(protocol: NetlinkProtocol, listening?: NetlinkListening): NetlinkDescriptor {
  const type = SOCK_RAW | SOCK_CLOEXEC | (listening === undefined ? 0 : SOCK_NONBLOCK);
  const fd = libc().socket(AF_NETLINK, type, PROTOCOL_NUMBER[protocol]);
  if (fd < 0) throw kernelRefused(errno(), OPERATION);
  // struct sockaddr_nl: family and padding, port id (0: the kernel chooses), groups
  const address = new Uint32Array(new ArrayBuffer(12));
  address[0] = AF_NETLINK;
  address[2] = listening?.groups ?? 0;
  if (libc().bind(fd, address, address.byteLength) < 0) {
    const code = errno();
    closeFd(fd);
    throw kernelRefused(code, OPERATION);
  }
  return { fd, via: "netlink socket", close: () => closeFd(fd) };
}

// --- internal ---

const OPERATION = "open a netlink socket";
