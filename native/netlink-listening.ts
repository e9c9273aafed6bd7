import { openPlainNetlink, type NetlinkProtocol } from "./netlink-descriptor.ts";
import { SOL_SOCKET, SO_RCVBUFFORCE } from "./socket-constants.ts";
import { int, setOption } from "./socket-options.ts";

/** A burst of changes, such as a node's pods going, must fit in while the runtime is busy: some 4000 messages. */
const BUFFER_BYTES = 2 * 1024 * 1024;

/**
 * A non-blocking socket that has joined multicast groups (a mask): pass it to `Bun.connect({ fd })`, which owns it
 * from then on. When messages were lost it closes with ENOBUFS.
 *
 * Throws SOCKET_FAILED with the errno; then nothing is left open.
 */
export function openListeningNetlink(protocol: NetlinkProtocol, groups: number): number {
  const { fd } = openPlainNetlink(protocol, { groups });
  // Without CAP_NET_ADMIN the ordinary size serves: a burst then costs a look at everything.
  setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, int(BUFFER_BYTES));
  return fd;
}
