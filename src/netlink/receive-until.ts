import { LvscareError } from "../domain/errors.ts";
import { NLMSG_NOOP, NLMSG_OVERRUN, readMessages, type NetlinkMessage } from "./messages.ts";
import type { NetlinkTransport } from "./transport.ts";

/**
 * Feeds messages to `take` until it says "done"; "stale" marks one that answers none of our requests. Bounded for any
 * peer: throws KERNEL_TIMEOUT when there is no end, SOCKET_FAILED when the kernel says that it lost messages,
 * MALFORMED_MESSAGE.
 */
export function receiveUntil(
  transport: NetlinkTransport,
  take: (message: NetlinkMessage) => "done" | "more" | "stale",
): void {
  let stale = 0;
  for (let datagrams = 0; datagrams < DATAGRAM_LIMIT && stale < STALE_LIMIT; datagrams++) {
    stale++;
    for (const message of readMessages(transport.receive())) {
      if (message.type === NLMSG_NOOP) continue;
      if (message.type === NLMSG_OVERRUN)
        throw new LvscareError("SOCKET_FAILED", "messages lost", { errno: "ENOBUFS" });
      const verdict = take(message);
      if (verdict === "done") return;
      if (verdict === "more") stale = 0;
    }
  }
  throw new LvscareError("KERNEL_TIMEOUT", "the kernel keeps sending what was not asked for");
}

// --- internal ---

/** A dump of 65 000 real servers takes under a thousand datagrams. */
const DATAGRAM_LIMIT = 65_536;

/** Datagrams in a row that answer nothing we asked. */
const STALE_LIMIT = 256;
