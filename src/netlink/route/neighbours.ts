import { addressBytes, addressFromBytes, addressLength, type Endpoint, type Family } from "../../domain/endpoint.ts";
import { attributeTable, raw, readAttributes, writeAttributes } from "../attributes.ts";
import type { NetlinkRequest } from "../connection.ts";
import { FAMILY_NUMBER, familyName } from "../family.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../messages.ts";
import { ByteReader } from "../reader.ts";
import { formatHardware } from "./hardware-address.ts";

/** What this host found out about an address on one of its links. */
export interface Neighbour {
  readonly linkIndex: number;
  readonly address: string;
  /** Asked for several times, it did not answer (ARP, neighbour discovery). */
  readonly isSilent: boolean;
  /** Of the host that answered: `52:54:00:12:34:56`. Absent while none has. */
  readonly hardware?: string;
}

/** An address on one link. */
export interface LinkPlace {
  readonly address: Omit<Endpoint, "port">;
  readonly linkIndex: number;
}

/**
 * Makes the kernel ask on the link which host has the address, whatever its routes say; EEXIST when it knows or asks
 * already.
 */
export function askNeighbour(place: LinkPlace): NetlinkRequest {
  return neighbourRequest(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, NTF_USE, place);
}

/** Makes the kernel forget what it learned. */
export function forgetNeighbour(place: LinkPlace): NetlinkRequest {
  return neighbourRequest(RTM_DELNEIGH, 0, 0, place);
}

/** To be dumped: what is known on every link. */
export function getNeighbours(family: Family): NetlinkRequest {
  return {
    type: RTM_GETNEIGH,
    body(writer) {
      writer.u8(FAMILY_NUMBER[family]);
      writer.zeros(NDMSG_BYTES - 1);
    },
  };
}

/**
 * The neighbour of a notification; undefined for other families than IPv4 and IPv6, such as the address tables of
 * bridges. Throws MALFORMED_MESSAGE.
 */
export function decodeNeighbour(payload: Uint8Array): Neighbour | undefined {
  const reader = new ByteReader(payload);
  const family = familyName(reader.u8());
  reader.u8(); // padding
  reader.u16();
  const linkIndex = reader.i32();
  const state = reader.u16();
  reader.u16(); // flags, type
  const { address, hardware } = readAttributes(reader, NEIGHBOUR);
  reader.finish("neighbour");
  if (family === undefined || address === undefined) return undefined;
  if (address.length !== addressLength(family)) reader.fail();
  reader.finish("neighbour");
  const isKnown = (state & NUD_VALID) !== 0 && hardware !== undefined && hardware.length > 0;
  return {
    linkIndex,
    address: addressFromBytes(address),
    isSilent: (state & NUD_FAILED) !== 0,
    ...(isKnown && { hardware: formatHardware(hardware) }),
  };
}

// --- internal ---

/** linux/rtnetlink.h */
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

/** linux/neighbour.h */
const NDMSG_BYTES = 12;
const NTF_USE = 0x01;
const NUD_FAILED = 0x20;
/** NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT */
const NUD_VALID = 0x9e;
const NEIGHBOUR = attributeTable({ address: [1, raw], hardware: [2, raw] });

function neighbourRequest(
  type: number,
  flags: number,
  neighbourFlags: number,
  { address: { family, address }, linkIndex }: LinkPlace,
): NetlinkRequest {
  return {
    type,
    flags,
    body(writer) {
      writer.u8(FAMILY_NUMBER[family]);
      writer.zeros(3);
      writer.i32(linkIndex);
      writer.u16(0); // state
      writer.u8(neighbourFlags);
      writer.u8(0); // type
      writeAttributes(writer, NEIGHBOUR, { address: addressBytes(address) });
    },
  };
}
