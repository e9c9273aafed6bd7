import {
  SERVICE_FLAGS,
  TUNNEL_FLAGS,
  type Forwarding,
  type Protocol,
  type ServiceFlag,
  type TunnelFlag,
  type TunnelType,
} from "../../domain/virtual-server.ts";

// Our words and the kernel's numbers for them.

/** IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP (linux/in.h). */
export const PROTOCOL_NUMBER: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** IP_VS_CONN_F_MASQ, LOCALNODE, TUNNEL, DROUTE, BYPASS (linux/ip_vs.h, as all that follow). */
export const FORWARDING_NUMBER: Readonly<Record<Forwarding, number>> = {
  masquerade: 0,
  local: 1,
  tunnel: 2,
  "direct-route": 3,
  bypass: 4,
};

/** IP_VS_CONN_F_FWD_MASK: the forwarding method within a connection's flags. */
const FORWARDING_MASK = 0x7;

/** IP_VS_CONN_F_TUNNEL_TYPE_IPIP, GUE, GRE. */
export const TUNNEL_TYPE_NUMBER: Readonly<Record<TunnelType | "ipip", number>> = { ipip: 0, gue: 1, gre: 2 };

/** IP_VS_TUNNEL_ENCAP_FLAG_CSUM, REMCSUM. */
const TUNNEL_FLAG_BIT: Readonly<Record<TunnelFlag, number>> = { checksum: 0x1, "remote-checksum": 0x2 };

/**
 * IP_VS_SVC_F_PERSISTENT, ONEPACKET, SCHED1, SCHED2, SCHED3: the flags that are ours to set. IP_VS_SVC_F_HASHED (0x2)
 * is the kernel's own and comes back with every service.
 */
const FLAG_BIT: Readonly<Record<ServiceFlag, number>> = {
  persistent: 0x1,
  "one-packet": 0x4,
  "flag-1": 0x8,
  "flag-2": 0x10,
  "flag-3": 0x20,
};

const PROTOCOL_NAME = namesByNumber(PROTOCOL_NUMBER);
const FORWARDING_NAME = namesByNumber(FORWARDING_NUMBER);
const TUNNEL_TYPE_NAME = namesByNumber(TUNNEL_TYPE_NUMBER);

export function protocolName(number: number): Protocol | undefined {
  return PROTOCOL_NAME.get(number);
}

/** The method within a real server's connection flags, whose other bits are the kernel's bookkeeping. */
export function forwardingName(connectionFlags: number): Forwarding | undefined {
  return FORWARDING_NAME.get(connectionFlags & FORWARDING_MASK);
}

export function tunnelTypeName(number: number): TunnelType | "ipip" | undefined {
  return TUNNEL_TYPE_NAME.get(number);
}

export function tunnelFlagBits(flags: readonly TunnelFlag[]): number {
  return bitsOf(TUNNEL_FLAG_BIT, flags);
}

export function tunnelFlagNames(bits: number): readonly TunnelFlag[] {
  return TUNNEL_FLAGS.filter((flag) => (bits & TUNNEL_FLAG_BIT[flag]) !== 0);
}

export function flagBits(flags: readonly ServiceFlag[]): number {
  return bitsOf(FLAG_BIT, flags);
}

/** In the order of `SERVICE_FLAGS`, so that equal sets compare equal; bits that are not ours are left out. */
export function flagNames(bits: number): readonly ServiceFlag[] {
  return SERVICE_FLAGS.filter((flag) => (bits & FLAG_BIT[flag]) !== 0);
}

// --- internal ---

function bitsOf<Name extends string>(table: Readonly<Record<Name, number>>, names: readonly Name[]): number {
  return names.reduce((bits, name) => bits | table[name], 0);
}

function namesByNumber<Name extends string>(numbers: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  return new Map((Object.keys(numbers) as Name[]).map((name) => [numbers[name], name]));
}
