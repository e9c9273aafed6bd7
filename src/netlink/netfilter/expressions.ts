import { addressBytes, type Endpoint } from "../../domain/endpoint.ts";
import { attributeTable, be32, nested, raw, writeAttributes } from "../attributes.ts";
import { FAMILY_NUMBER } from "../family.ts";
import type { ByteWriter } from "../writer.ts";

/** One step of a rule: it loads a register, compares it, or acts. All of ours use the same register, one after the other. */
export interface Expression {
  readonly name: string;
  readonly write: (writer: ByteWriter) => void;
}

/** Packets to this address and port. */
export function toEndpoint(endpoint: Endpoint, protocol: "tcp" | "udp"): Expression[] {
  const address = addressBytes(endpoint.address);
  const offset = endpoint.family === "ipv6" ? IPV6_DESTINATION_OFFSET : IPV4_DESTINATION_OFFSET;
  return [
    loadMeta(NFT_META_NFPROTO),
    compare(NFT_CMP_EQ, [FAMILY_NUMBER[endpoint.family]]),
    loadMeta(NFT_META_L4PROTO),
    compare(NFT_CMP_EQ, [IP_PROTOCOL[protocol]]),
    loadPayload(NFT_PAYLOAD_NETWORK_HEADER, offset, address.length),
    compare(NFT_CMP_EQ, address),
    loadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, PORT_OFFSET, 2),
    compare(NFT_CMP_EQ, [endpoint.port >> 8, endpoint.port & 0xff]),
  ];
}

/** Sets bits of the packet's mark, and leaves the others as they are. */
export function setMark(bits: number): Expression[] {
  return [loadMeta(NFT_META_MARK), combine(~bits, bits), storeMark()];
}

export function clearMark(bits: number): Expression[] {
  return [loadMeta(NFT_META_MARK), combine(~bits, 0), storeMark()];
}

/** Packets whose mark has all of the bits. */
export function hasMark(bits: number): Expression[] {
  return [loadMeta(NFT_META_MARK), combine(bits, 0), compare(NFT_CMP_EQ, hostOrder(bits))];
}

/** Packets leave with the address of the link that they leave by, and a port by chance: fewer collide. */
export function masquerade(): Expression {
  return expression("masq", (writer) =>
    writeAttributes(writer, MASQUERADE, { flags: NF_NAT_RANGE_PROTO_RANDOM_FULLY }),
  );
}

// --- internal ---

/** linux/netfilter/nf_tables.h */
const NFT_REG_1 = 1;
const NFT_META_MARK = 3;
const NFT_META_NFPROTO = 15;
const NFT_META_L4PROTO = 16;
const NFT_CMP_EQ = 0;
const NFT_PAYLOAD_NETWORK_HEADER = 1;
const NFT_PAYLOAD_TRANSPORT_HEADER = 2;
/** linux/netfilter/nf_nat.h */
const NF_NAT_RANGE_PROTO_RANDOM_FULLY = 1 << 4;

/** linux/ip.h, linux/ipv6.h, linux/tcp.h: the destination port is at the same place for TCP and UDP. */
const IPV4_DESTINATION_OFFSET = 16;
const IPV6_DESTINATION_OFFSET = 24;
const PORT_OFFSET = 2;
const IP_PROTOCOL = { tcp: 6, udp: 17 } as const;

const DATA = attributeTable({ value: [1, raw] });
const META = attributeTable({ destination: [1, be32], key: [2, be32], source: [3, be32] });
const PAYLOAD = attributeTable({ destination: [1, be32], base: [2, be32], offset: [3, be32], length: [4, be32] });
const COMPARISON = attributeTable({ source: [1, be32], operator: [2, be32], data: [3, nested(DATA)] });
const BITWISE = attributeTable({
  source: [1, be32],
  destination: [2, be32],
  length: [3, be32],
  mask: [4, nested(DATA)],
  xor: [5, nested(DATA)],
});
const MASQUERADE = attributeTable({ flags: [1, be32] });

function expression(name: string, write: Expression["write"]): Expression {
  return { name, write };
}

function loadMeta(key: number): Expression {
  return expression("meta", (writer) => writeAttributes(writer, META, { destination: NFT_REG_1, key }));
}

function storeMark(): Expression {
  return expression("meta", (writer) => writeAttributes(writer, META, { key: NFT_META_MARK, source: NFT_REG_1 }));
}

function loadPayload(base: number, offset: number, length: number): Expression {
  return expression("payload", (writer) =>
    writeAttributes(writer, PAYLOAD, { destination: NFT_REG_1, base, offset, length }),
  );
}

function compare(operator: number, value: ArrayLike<number>): Expression {
  return expression("cmp", (writer) =>
    writeAttributes(writer, COMPARISON, { source: NFT_REG_1, operator, data: { value: Uint8Array.from(value) } }),
  );
}

/** (register & mask) ^ xor, in 32 bits. */
function combine(mask: number, xor: number): Expression {
  return expression("bitwise", (writer) =>
    writeAttributes(writer, BITWISE, {
      source: NFT_REG_1,
      destination: NFT_REG_1,
      length: 4,
      mask: { value: hostOrder(mask) },
      xor: { value: hostOrder(xor) },
    }),
  );
}

/** Marks are in host order; every machine that Bun runs on is little endian. */
function hostOrder(value: number): Uint8Array {
  return Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
}
