import type { Family } from "../domain/endpoint.ts";

/** AF_INET and AF_INET6 (linux/socket.h). */
export const FAMILY_NUMBER: Readonly<Record<Family, number>> = { ipv4: 2, ipv6: 10 };

/** Undefined for what is neither, such as a bridge's or MPLS' own entries. */
export function familyName(number: number): Family | undefined {
  return number === FAMILY_NUMBER.ipv4 ? "ipv4" : number === FAMILY_NUMBER.ipv6 ? "ipv6" : undefined;
}
