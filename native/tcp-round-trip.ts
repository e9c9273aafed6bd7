import { libc } from "./libc.ts";

/** linux/in.h, linux/tcp.h */
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** `tcpi_min_rtt` of `struct tcp_info`, since Linux 4.6. */
const MIN_RTT_OFFSET = 148;
const BYTES = 152;

/** The shortest time in milliseconds from a packet of a TCP connection to its acknowledgement; undefined when the kernel does not tell. */
export function tcpRoundTrip(fd: number): number | undefined {
  const info = new Uint8Array(new ArrayBuffer(BYTES));
  const length = new Uint32Array(new ArrayBuffer(4)).fill(BYTES);
  if (libc().getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, length) < 0 || length[0] !== BYTES) return undefined;
  return new DataView(info.buffer).getUint32(MIN_RTT_OFFSET, true) / 1000;
}
