import { addressBytes, addressFromBytes, addressLength, type Family } from "../../domain/endpoint.ts";
import { attributeTable, raw, readAttributes, text, u8, writeAttributes } from "../attributes.ts";
import type { NetlinkRequest } from "../connection.ts";
import { FAMILY_NUMBER, familyName } from "../family.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../messages.ts";
import { ByteReader } from "../reader.ts";

/** An address that a link carries. */
export interface LinkAddress {
  readonly family: Family;
  readonly address: string;
  readonly prefix: number;
  readonly linkIndex: number;
  /** IPv4 only: the link's name, or one that begins with it and a colon. */
  readonly label?: string;
  /** Its origin, as IFAPROT_* of linux/if_addr.h; kernels before 5.18 do not remember. */
  readonly protocol?: number;
}

/** EEXIST when the link has it already. */
export function newAddress(address: LinkAddress): NetlinkRequest {
  return addressRequest(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address);
}

/** EADDRNOTAVAIL when the link does not have it with this prefix length. */
export function deleteAddress(address: LinkAddress): NetlinkRequest {
  return addressRequest(RTM_DELADDR, 0, address);
}

/** To be dumped: the addresses of every link, of both families. */
export function getAddresses(): NetlinkRequest {
  return { type: RTM_GETADDR, body: (writer) => writer.zeros(IFADDRMSG_BYTES) };
}

/** One address of the dump, or undefined for one of another family. Throws MALFORMED_MESSAGE. */
export function decodeAddress(payload: Uint8Array): LinkAddress | undefined {
  const reader = new ByteReader(payload);
  const family = familyName(reader.u8());
  const prefix = reader.u8();
  reader.u16(); // flags, scope
  const linkIndex = reader.u32();
  const { address, local, label, protocol } = readAttributes(reader, ADDRESS);
  reader.finish("address");
  if (family === undefined) return undefined;
  // On a point-to-point link IFA_ADDRESS is the peer.
  const own = local ?? address ?? new Uint8Array(0);
  if (own.length !== addressLength(family)) reader.fail();
  reader.finish("address");
  return {
    family,
    address: addressFromBytes(own),
    prefix,
    linkIndex,
    ...(label !== undefined && { label }),
    ...(protocol !== undefined && { protocol }),
  };
}

// --- internal ---

/** linux/rtnetlink.h */
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

/** linux/if_addr.h */
const IFADDRMSG_BYTES = 8;
const ADDRESS = attributeTable({ address: [1, raw], local: [2, raw], label: [3, text], protocol: [11, u8] });

/** Usable immediately: duplicate address detection would keep an IPv6 address from being bound for a second. */
const IFA_F_NODAD = 0x02;

function addressRequest(type: number, flags: number, address: LinkAddress): NetlinkRequest {
  const bytes = addressBytes(address.address);
  return {
    type,
    flags,
    body(writer) {
      writer.u8(FAMILY_NUMBER[address.family]);
      writer.u8(address.prefix);
      writer.u8(IFA_F_NODAD);
      writer.u8(0); // scope: global
      writer.u32(address.linkIndex);
      writeAttributes(writer, ADDRESS, {
        address: bytes,
        local: bytes,
        label: address.label,
        protocol: address.protocol,
      });
    },
  };
}
