import {
  addressBytes,
  addressFromBytes,
  addressLength,
  putIpv4,
  type Endpoint,
  type Family,
} from "../../domain/endpoint.ts";

/** `union nf_inet_addr`: always 16 bytes, for either family. */
export function paddedAddress(address: string): Uint8Array {
  const padded = new Uint8Array(16);
  if (!putIpv4(padded, address)) padded.set(addressBytes(address));
  return padded;
}

/** The endpoint of an address of 16 bytes, or undefined when it is shorter than its family. */
export function endpointOf(family: Family, address: Uint8Array, port: number): Endpoint | undefined {
  const length = addressLength(family);
  if (address.length < length) return undefined;
  const text =
    family === "ipv4"
      ? `${address[0]}.${address[1]}.${address[2]}.${address[3]}`
      : addressFromBytes(address.subarray(0, length));
  return { family, address: text, port };
}

/** The client network of a persistent service as the kernel takes it: a mask for IPv4, a number for IPv6. */
export function netmaskBytes(family: Family, prefix: number): Uint8Array {
  const bytes = new Uint8Array(4);
  const view = new DataView(bytes.buffer);
  if (family === "ipv6") view.setUint32(0, prefix, true);
  else view.setUint32(0, prefix === 0 ? 0 : -1 << (32 - prefix), false);
  return bytes;
}

/** Its prefix length; the ones of an IPv4 mask are counted, as the kernel takes masks with holes too. */
export function prefixOf(family: Family, netmask: Uint8Array): number | undefined {
  if (netmask.length < 4) return undefined;
  const view = new DataView(netmask.buffer, netmask.byteOffset, netmask.byteLength);
  if (family === "ipv6") return view.getUint32(0, true);
  const ones = view.getUint32(0, false).toString(2).replaceAll("0", "");
  return ones.length;
}
