import { libc } from "./libc.ts";
import { openPlainNetlink, type NetlinkProtocol } from "./netlink-descriptor.ts";

const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;

/** A burst of changes, such as a node's pods going, must fit in while the runtime is busy: some 4000 messages. */
const BUFFER_BYTES = 2 * 1024 * 1024;

/**
 * A non-blocking socket that has joined multicast groups (a mask): hand it to `Bun.connect({ fd })`, which owns it from then on. When
 * messages were lost it closes with ENOBUFS.
 *
 * Throws SOCKET_FAILED with the errno; nothing is left open then.
 */
export function openListeningNetlink(protocol: NetlinkProtocol, groups: number): number {
  const { fd } = openPlainNetlink(protocol, { groups });
  const size = new Int32Array(new ArrayBuffer(4)).fill(BUFFER_BYTES);
  // Without CAP_NET_ADMIN the ordinary size serves: a burst then costs a look at everything.
  libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.byteLength);
  return fd;
}
