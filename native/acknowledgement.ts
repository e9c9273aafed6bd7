import { libc } from "./libc.ts";
import { IPPROTO_TCP, TCP_INFO } from "./socket-constants.ts";
import { int } from "./socket-options.ts";

/** What the kernel knows of how a TCP connection's peer acknowledges. */
interface Acknowledgement {
  /** Something was sent that the peer has not acknowledged yet. */
  readonly isOutstanding: boolean;
  /** A second and some round trips ago it was heard last, and the kernel's keep-alive has no answer. */
  readonly isProbeUnanswered: boolean;
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
  const roundTripMs = roundTripUs / 1000;
  const isDue = (INFO[LAST_ACK_MS] ?? 0) >= KEEPALIVE_MS + SLACK_MS + 4 * roundTripMs;
  return {
    isOutstanding: unacknowledged > 0,
    isProbeUnanswered: isDue && (INFO_BYTES[PROBES] ?? 0) > 0,
    roundTripMs,
  };
}

// --- internal ---

// Made once: to allocate what C writes costs more than the call.

/** The first 104 bytes of `struct tcp_info` (linux/tcp.h), which every kernel has. */
const INFO = new Uint32Array(new ArrayBuffer(104));
const INFO_BYTES = new Uint8Array(INFO.buffer);
const LENGTH = int(0);

/** `tcpi_probes`, a byte: keep-alives without an answer. */
const PROBES = 3;

/** `tcpi_unacked`, `tcpi_last_ack_recv` and `tcpi_rtt`, by their place among the 32-bit words. */
const UNACKED = 6;
const LAST_ACK_MS = 14;
const RTT = 17;

/** So often `watchSilence` has the kernel ask. */
const KEEPALIVE_MS = 1000;
const SLACK_MS = 50;
