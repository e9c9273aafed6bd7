import {
  SERVICE_FLAGS,
  TUNNEL_FLAGS,
  type Forwarding,
  type Protocol,
  type ServiceFlag,
  type TunnelFlag,
  type TunnelType,
} from "../../domain/virtual-server.ts";
import {
  IP_VS_CONN_F_BYPASS,
  IP_VS_CONN_F_DROUTE,
  IP_VS_CONN_F_FWD_MASK,
  IP_VS_CONN_F_LOCALNODE,
  IP_VS_CONN_F_MASQ,
  IP_VS_CONN_F_TUNNEL,
  IP_VS_CONN_F_TUNNEL_TYPE_GRE,
  IP_VS_CONN_F_TUNNEL_TYPE_GUE,
  IP_VS_CONN_F_TUNNEL_TYPE_IPIP,
  IP_VS_SVC_F_ONEPACKET,
  IP_VS_SVC_F_PERSISTENT,
  IP_VS_SVC_F_SCHED1,
  IP_VS_SVC_F_SCHED2,
  IP_VS_SVC_F_SCHED3,
  IP_VS_TUNNEL_ENCAP_FLAG_CSUM,
  IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "./constants.ts";

/** Our words and the kernel's numbers for them. */
export const PROTOCOL_NUMBER: Readonly<Record<Protocol, number>> = {
  tcp: IPPROTO_TCP,
  udp: IPPROTO_UDP,
  sctp: IPPROTO_SCTP,
};

export const FORWARDING_NUMBER: Readonly<Record<Forwarding, number>> = {
  masquerade: IP_VS_CONN_F_MASQ,
  local: IP_VS_CONN_F_LOCALNODE,
  tunnel: IP_VS_CONN_F_TUNNEL,
  "direct-route": IP_VS_CONN_F_DROUTE,
  bypass: IP_VS_CONN_F_BYPASS,
};

export const TUNNEL_TYPE_NUMBER: Readonly<Record<TunnelType | "ipip", number>> = {
  ipip: IP_VS_CONN_F_TUNNEL_TYPE_IPIP,
  gue: IP_VS_CONN_F_TUNNEL_TYPE_GUE,
  gre: IP_VS_CONN_F_TUNNEL_TYPE_GRE,
};

const TUNNEL_FLAG_BIT: Readonly<Record<TunnelFlag, number>> = {
  checksum: IP_VS_TUNNEL_ENCAP_FLAG_CSUM,
  "remote-checksum": IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM,
};

const FLAG_BIT: Readonly<Record<ServiceFlag, number>> = {
  persistent: IP_VS_SVC_F_PERSISTENT,
  "one-packet": IP_VS_SVC_F_ONEPACKET,
  "flag-1": IP_VS_SVC_F_SCHED1,
  "flag-2": IP_VS_SVC_F_SCHED2,
  "flag-3": IP_VS_SVC_F_SCHED3,
};

const PROTOCOL_NAME = namesByNumber(PROTOCOL_NUMBER);
const FORWARDING_NAME = namesByNumber(FORWARDING_NUMBER);
const TUNNEL_TYPE_NAME = namesByNumber(TUNNEL_TYPE_NUMBER);

export function protocolName(number: number): Protocol | undefined {
  return PROTOCOL_NAME.get(number);
}

/** The method within a real server's connection flags, whose other bits are the kernel's bookkeeping. */
export function forwardingName(connectionFlags: number): Forwarding | undefined {
  return FORWARDING_NAME.get(connectionFlags & IP_VS_CONN_F_FWD_MASK);
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
