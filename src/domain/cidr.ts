import { addressBytes, parseAddress, type Endpoint } from "./endpoint.ts";

/** Whether a network such as `10.0.0.0/8` or `fd00::/8` has the address in it; undefined when the text is no network. */
export function cidrContains(cidr: string, address: Omit<Endpoint, "port">): boolean | undefined {
  const [, network = "", length = ""] = /^([^/]+)\/(\d{1,3})$/.exec(cidr.trim()) ?? [];
  const parsed = parseAddress(network);
  if (parsed === undefined) return undefined;
  const bytes = addressBytes(parsed.address);
  const prefix = Number(length);
  if (prefix > 8 * bytes.length) return undefined;
  if (parsed.family !== address.family) return false;
  const other = addressBytes(address.address);
  return bytes.every((byte, at) => {
    const bits = Math.min(Math.max(prefix - 8 * at, 0), 8);
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((other[at] ?? 0) & mask);
  });
}
