import { LvscareError } from "../domain/errors.ts";
import { NetlinkConnection, type NetlinkRequest } from "../netlink/connection.ts";
import { openKernelTransport } from "../netlink/kernel-transport.ts";
import type { KernelRefusal } from "../netlink/messages.ts";
import { decodeAddress, getAddresses, type LinkAddress } from "../netlink/route/addresses.ts";
import type { NetlinkTransport } from "../netlink/transport.ts";

/**
 * Marks addresses and routes as ours, where the kernel has a field for their origin (IFAPROT_*, RTPROT_*). No routing
 * daemon has this number in iproute2's rt_addrprotos and rt_protos.
 */
export const OUR_PROTOCOL = 76;

export type OpenTransport = () => NetlinkTransport;

/** The kernel's links, addresses and routes. */
export function openHostNetwork(): NetlinkTransport {
  return openKernelTransport("route");
}

/** One use, one socket: these are minutes apart. */
export function connected<T>(openTransport: OpenTransport, action: (connection: NetlinkConnection) => T): T {
  const connection = new NetlinkConnection(openTransport);
  try {
    return action(connection);
  } finally {
    connection.close();
  }
}

export function readAddresses(connection: NetlinkConnection): readonly LinkAddress[] {
  return readTable(connection, getAddresses(), decodeAddress, "read this host's addresses");
}

/** A whole table; entries that `decode` has no value for are left out. Throws what `refused` gives. */
export function readTable<T>(
  connection: NetlinkConnection,
  request: NetlinkRequest,
  decode: (payload: Uint8Array) => T | undefined,
  operation: string,
): readonly T[] {
  const { replies, refusal } = connection.dump(request, decode);
  if (refusal !== undefined) throw refused(refusal, operation);
  return replies.filter((reply) => reply !== undefined);
}

export function execute(connection: NetlinkConnection, request: NetlinkRequest): KernelRefusal | undefined {
  return connection.request(request, () => undefined).refusal;
}

export function refused(refusal: KernelRefusal, operation: string): LvscareError {
  const options = { operation, errno: refusal.errno };
  if (refusal.errno === "EPERM" || refusal.errno === "EACCES") {
    return new LvscareError("NOT_PERMITTED", "the kernel does not let this process change addresses and routes", {
      ...options,
      remedy:
        "run as root or with CAP_NET_ADMIN (in a container: --cap-add NET_ADMIN), or let somebody who may do it beforehand",
    });
  }
  const detail = refusal.detail === undefined ? "" : `: ${refusal.detail}`;
  return new LvscareError("KERNEL_REFUSED", `the kernel refused with ${refusal.errno}${detail}`, options);
}
