import { addressFromBytes } from "../../domain/endpoint.ts";
import { attributeTable, raw, readAttributes } from "../attributes.ts";
import { addressLength, familyName } from "../family.ts";
import { ByteReader } from "../reader.ts";

/** What this host found out about an address on one of its links. */
export interface Neighbour {
  readonly linkIndex: number;
  readonly address: string;
  /** Asked for several times, it did not answer (ARP, neighbour discovery). */
  readonly isSilent: boolean;
}

/** The neighbour of a notification, or undefined for what is none of IPv4 or IPv6, such as the address tables of bridges. Throws MALFORMED_MESSAGE. */
export function decodeNeighbour(payload: Uint8Array): Neighbour | undefined {
  const reader = new ByteReader(payload);
  const family = familyName(reader.u8());
  reader.u8(); // padding
  reader.u16();
  const linkIndex = reader.i32();
  const state = reader.u16();
  reader.u16(); // flags, type
  const { address } = readAttributes(reader, NEIGHBOUR);
  reader.finish("neighbour");
  if (family === undefined || address === undefined) return undefined;
  if (address.length !== addressLength(family)) reader.fail();
  reader.finish("neighbour");
  return { linkIndex, address: addressFromBytes(address), isSilent: (state & NUD_FAILED) !== 0 };
}

// --- internal ---

/** linux/rtnetlink.h */
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;

/** linux/neighbour.h */
const NUD_FAILED = 0x20;
const NEIGHBOUR = attributeTable({ address: [1, raw] });
