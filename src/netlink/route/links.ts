import { attributeTable, nested, raw, readAttributes, text, writeAttributes } from "../attributes.ts";
import type { NetlinkRequest } from "../connection.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../messages.ts";
import { ByteReader } from "../reader.ts";
import { formatHardware } from "./hardware-address.ts";

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** What made it: `dummy`, `veth`; undefined for hardware and for `lo`. */
  readonly kind: string | undefined;
  /** What people noted on it. */
  readonly alias: string | undefined;
  readonly isUp: boolean;
  /** Other hosts are on it, and can be asked for their addresses. */
  readonly hasNeighbours: boolean;
  /** `52:54:00:12:34:56`; absent on links without such addresses. */
  readonly hardware?: string;
}

/** Asks for one link by its name; ENODEV when there is none. */
export function getLink(name: string): NetlinkRequest {
  return {
    type: RTM_GETLINK,
    body(writer) {
      writer.zeros(IFINFOMSG_BYTES);
      writeAttributes(writer, LINK, { name });
    },
  };
}

/** To be dumped: every link. */
export function getLinks(): NetlinkRequest {
  return { type: RTM_GETLINK, body: (writer) => writer.zeros(IFINFOMSG_BYTES) };
}

/** Makes a link that leads nowhere; EEXIST when the name is taken. */
export function newDummy(name: string): NetlinkRequest {
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body(writer) {
      linkHeader(writer, 0, 0);
      writeAttributes(writer, LINK, { name, information: { kind: "dummy" } });
    },
  };
}

/** Brings a link up, and notes something on it. */
export function setLinkUp(index: number, alias: string): NetlinkRequest {
  return {
    type: RTM_NEWLINK,
    body(writer) {
      linkHeader(writer, index, IFF_UP);
      writeAttributes(writer, LINK, { alias });
    },
  };
}

/** With its addresses; ENODEV when it is gone. */
export function deleteLink(index: number): NetlinkRequest {
  return { type: RTM_DELLINK, body: (writer) => linkHeader(writer, index, 0) };
}

/** The index in the reply to `getLink`. Throws MALFORMED_MESSAGE. */
export function decodeLinkIndex(payload: Uint8Array): number {
  const reader = new ByteReader(payload);
  reader.u32(); // ifi_family, padding, ifi_type
  const index = reader.i32();
  reader.finish("link");
  return index;
}

/** Whether packets get anywhere over a link. */
export interface LinkState {
  readonly index: number;
  /** It is up, and there is something at the other end of the cable. */
  readonly isRunning: boolean;
}

/** The state in a notification. Throws MALFORMED_MESSAGE. */
export function decodeLinkState(payload: Uint8Array): LinkState {
  const reader = new ByteReader(payload);
  reader.u32(); // ifi_family, padding, ifi_type
  const index = reader.i32();
  const flags = reader.u32();
  reader.finish("link");
  return { index, isRunning: (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0 };
}

/** Throws MALFORMED_MESSAGE. */
export function decodeLink(payload: Uint8Array): Link {
  const reader = new ByteReader(payload);
  reader.u32(); // ifi_family, padding, ifi_type
  const index = reader.i32();
  const flags = reader.u32();
  reader.u32(); // ifi_change
  const { name = "", alias, information, hardware } = readAttributes(reader, LINK);
  reader.finish("link");
  return {
    index,
    name,
    kind: information?.kind,
    alias,
    isUp: (flags & IFF_UP) !== 0,
    hasNeighbours: (flags & (IFF_LOOPBACK | IFF_NOARP)) === 0,
    ...(hardware !== undefined && hardware.length > 0 && { hardware: formatHardware(hardware) }),
  };
}

// --- internal ---

/** linux/rtnetlink.h */
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const IFINFOMSG_BYTES = 16;

/** linux/if.h */
const IFF_UP = 1;
const IFF_LOOPBACK = 0x08;
const IFF_RUNNING = 0x40;
const IFF_NOARP = 0x80;

/** IFLA_* of linux/if_link.h */
const LINK = attributeTable({
  hardware: [1, raw],
  name: [3, text],
  information: [18, nested(attributeTable({ kind: [1, text] }))],
  alias: [20, text],
});

/** `struct ifinfomsg`: family, type, index, flags, and the mask of valid flags. */
function linkHeader(writer: Parameters<NetlinkRequest["body"]>[0], index: number, flags: number): void {
  writer.u32(0);
  writer.i32(index);
  writer.u32(flags);
  writer.u32(flags);
}
