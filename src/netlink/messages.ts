import { attributeTable, readAttributes, text, u32 } from "./attributes.ts";
import { errnoName } from "../domain/errno.ts";
import { ByteReader } from "./reader.ts";
import type { ByteWriter } from "./writer.ts";

/** Message types that every protocol has (linux/netlink.h). */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

/** Flags of `struct nlmsghdr`. */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
/** The table changed while it was dumped: what was read may lack entries or have them twice. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

/** `struct nlmsghdr` with what follows it. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** A view of the datagram, not a copy. */
  readonly payload: Uint8Array;
}

/** Why the kernel refused a request: an expected answer, and so a value. */
export interface KernelRefusal {
  /** `ENOENT` */
  readonly errno: string;
  /** The kernel's own words (extended ack), where it has some; IPVS has none in Linux 6.1. */
  readonly detail?: string;
  /** Offset in the request of the attribute that the kernel complains about. */
  readonly offset?: number;
}

export interface MessageHeader {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
}

/** Appends one message; `body` writes what follows the header. */
export function writeMessage(writer: ByteWriter, header: MessageHeader, body: (writer: ByteWriter) => void): void {
  const start = writer.length;
  writer.u32s(0, header.type | (header.flags << 16));
  writer.u32s(header.sequence, 0); // port id: ours is known to the kernel by the socket
  body(writer);
  writer.patchU32(start, writer.length - start);
  writer.align();
}

/** The messages of one datagram. Throws MALFORMED_MESSAGE. */
export function readMessages(datagram: Uint8Array): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const reader = new ByteReader(datagram);
  while (reader.remaining > 0) {
    const length = reader.u32();
    const type = reader.u16();
    const flags = reader.u16();
    const sequence = reader.u32();
    reader.u32();
    if (length < HEADER_BYTES) reader.fail();
    const payload = reader.take(length - HEADER_BYTES);
    reader.align();
    reader.finish("message");
    messages.push({ type, flags, sequence, payload });
  }
  return messages;
}

/** What an NLMSG_ERROR or the NLMSG_DONE of a dump says; undefined means success, which is how an ack looks. */
export function readOutcome(message: NetlinkMessage): KernelRefusal | undefined {
  const reader = new ByteReader(message.payload);
  // A dump's end may come without a number when it went well.
  const code = message.type === NLMSG_DONE && reader.remaining < 4 ? 0 : reader.i32();
  if (message.type === NLMSG_ERROR) skipRequest(reader, message.flags);
  const attributes = (message.flags & NLM_F_ACK_TLVS) === 0 ? {} : readAttributes(reader, EXTENDED_ACK);
  reader.finish("error");
  if (code >= 0) return undefined;
  return {
    errno: errnoName(-code),
    ...(attributes.message === undefined ? {} : { detail: attributes.message }),
    ...(attributes.offset === undefined ? {} : { offset: attributes.offset }),
  };
}

// --- internal ---

const HEADER_BYTES = 16;

/** The refused request is not echoed beyond its header: NETLINK_CAP_ACK. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

/** `enum nlmsgerr_attrs` */
const EXTENDED_ACK = attributeTable({ message: [1, text], offset: [2, u32] });

/** `struct nlmsgerr` repeats the request's header, and all of the request on a socket that did not ask for short acks. */
function skipRequest(reader: ByteReader, flags: number): void {
  const length = reader.u32();
  reader.take(HEADER_BYTES - 4);
  if ((flags & NLM_F_CAPPED) !== 0) return;
  reader.take(Math.max(0, length - HEADER_BYTES));
  reader.align();
}
