import { libc } from "./libc.ts";
import { IPPROTO_TCP, TCP_INFO } from "./socket-constants.ts";
import { int } from "./socket-options.ts";

/** What the kernel knows of how a TCP connection's peer acknowledges. */
interface Acknowledgement {
  /** Something was sent that the peer has not acknowledged yet. */
  readonly isOutstanding: boolean;
  /** The smoothed round trip as it was seen on this connection. */
  readonly roundTripMs: number;
}

/** Undefined where the connection is gone, or the kernel does not tell. */
export function acknowledgementOf(fd: number): Acknowledgement | undefined {
  LENGTH[0] = INFO.byteLength;
  if (libc().getsockopt(fd, IPPROTO_TCP, TCP_INFO, INFO, LENGTH) < 0) return undefined;
  const unacknowledged = INFO[UNACKED];
  const roundTripUs = INFO[RTT];
  if (unacknowledged === undefined || roundTripUs === undefined) return undefined;
  return { isOutstanding: unacknowledged > 0, roundTripMs: roundTripUs / 1000 };
}

// --- internal ---

// Made once: to allocate what C writes costs more than the call.

/** The first 104 bytes of `struct tcp_info` (linux/tcp.h), which every kernel has. */
const INFO = new Uint32Array(new ArrayBuffer(104));
const LENGTH = int(0);

/** `tcpi_unacked` and `tcpi_rtt`, by their place among the 32-bit words. */
const UNACKED = 6;
const RTT = 17;
