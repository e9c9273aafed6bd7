import { SERVICE_FLAGS, type Forwarding, type Protocol, type ServiceFlag } from "../../domain/virtual-server.ts";
import {
  IP_VS_CONN_F_BYPASS,
  IP_VS_CONN_F_DROUTE,
  IP_VS_CONN_F_FWD_MASK,
  IP_VS_CONN_F_LOCALNODE,
  IP_VS_CONN_F_MASQ,
  IP_VS_CONN_F_TUNNEL,
  IP_VS_SVC_F_ONEPACKET,
  IP_VS_SVC_F_PERSISTENT,
  IP_VS_SVC_F_SCHED1,
  IP_VS_SVC_F_SCHED2,
  IP_VS_SVC_F_SCHED3,
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

const FLAG_BIT: Readonly<Record<ServiceFlag, number>> = {
  persistent: IP_VS_SVC_F_PERSISTENT,
  "one-packet": IP_VS_SVC_F_ONEPACKET,
  "flag-1": IP_VS_SVC_F_SCHED1,
  "flag-2": IP_VS_SVC_F_SCHED2,
  "flag-3": IP_VS_SVC_F_SCHED3,
};

export function protocolName(number: number): Protocol | undefined {
  return nameOf(PROTOCOL_NUMBER, number);
}

/** The method within a real server's connection flags, whose other bits are the kernel's bookkeeping. */
export function forwardingName(connectionFlags: number): Forwarding | undefined {
  return nameOf(FORWARDING_NUMBER, connectionFlags & IP_VS_CONN_F_FWD_MASK);
}

export function flagBits(flags: readonly ServiceFlag[]): number {
  return flags.reduce((bits, flag) => bits | FLAG_BIT[flag], 0);
}

/** In the order of `SERVICE_FLAGS`, so that equal sets compare equal; bits that are not ours are left out. */
export function flagNames(bits: number): readonly ServiceFlag[] {
  return SERVICE_FLAGS.filter((flag) => (bits & FLAG_BIT[flag]) !== 0);
}

// --- internal ---

function nameOf<Name extends string>(numbers: Readonly<Record<Name, number>>, number: number): Name | undefined {
  return (Object.keys(numbers) as Name[]).find((name) => numbers[name] === number);
}
