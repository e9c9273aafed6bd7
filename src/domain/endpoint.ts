import { LvscareError } from "./errors.ts";

export type Family = "ipv4" | "ipv6";

/** An IP address in canonical text with its port; two equal endpoints have the same `formatEndpoint`. */
export interface Endpoint {
  readonly family: Family;
  readonly address: string;
  readonly port: number;
}

/**
 * Reads `10.0.0.1:6443` or `[fd00::1]:6443`. Host names, a missing address, port 0 and octets with a leading zero are refused:
 * the Go program lets them through and programs a nil address.
 */
export function parseEndpoint(text: string): Endpoint {
  // Without a pattern, because a configuration may have a hundred thousand of them.
  const colon = text.lastIndexOf(":");
  const isBracketed = text.startsWith("[") && text[colon - 1] === "]";
  const address = parseAddress(isBracketed ? text.slice(1, colon - 1) : text.slice(0, Math.max(0, colon)));
  const port = parsePort(text.slice(colon + 1));
  if (address === undefined || port === undefined || (address.family === "ipv6") !== isBracketed) {
    throw new LvscareError("BAD_ADDRESS", `"${text}" ${faultOf(text)}`);
  }
  return { ...address, port };
}

/** `10.0.0.1:6443` or `[fd00::1]:6443`: also the key under which a server is known everywhere. */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.family === "ipv6" ? `[${endpoint.address}]:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`;
}

/** Canonical form of an IP address (no port), or undefined when the text is none. */
export function parseAddress(text: string): Omit<Endpoint, "port"> | undefined {
  // There is one way only to write an IPv4 address.
  if (putIpv4(new Uint8Array(4), text)) return { family: "ipv4", address: text };
  const v6 = parseV6(text);
  return v6 === undefined ? undefined : { family: "ipv6", address: addressFromBytes(v6) };
}

/** An IPv4 address written as IPv6 (::ffff:0:0/96): to the kernel it is the former, to a comparison of texts another. */
export function isMapped(address: string): boolean {
  return /^::ffff:[0-9a-f]+:[0-9a-f]+$/.test(address);
}

/**
 * 127.0.0.0/8 and ::1 in any spelling: packets from there never leave their host, and packets to there are not
 * accepted from outside.
 */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || (isMapped(address) && addressBytes(address)[12] === 127);
}

/** 0.0.0.0 and ::, which stand for every address of a host. */
export function isUnspecified(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/**
 * fe80::/10: such an address has a meaning only together with the name of a link. Every link that is up has its own
 * (RFC 4291, 2.5.6).
 */
export function isIpv6LinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}

/** Neither unspecified, nor multicast (224.0.0.0/4, ff00::/8), nor reserved (240.0.0.0/4, with broadcast in it). */
export function isUnicast(address: string): boolean {
  if (isUnspecified(address)) return false;
  return address.includes(":") ? !address.startsWith("ff") : Number.parseInt(address, 10) < 224;
}

/** In bytes. */
export function addressLength(family: Family): number {
  return family === "ipv6" ? 16 : 4;
}

/** The length of a prefix that holds a single address, in bits. */
export function hostPrefix(family: Family): number {
  return 8 * addressLength(family);
}

/** The network of just this address, as `ip` and kube-proxy write it: `10.0.0.1/32`. */
export function hostCidr({ family, address }: Omit<Endpoint, "port">): string {
  return `${address}/${hostPrefix(family)}`;
}

/** The address in network byte order: 4 bytes for IPv4, 16 for IPv6. */
export function addressBytes(address: string): Uint8Array {
  const octets = new Uint8Array(4);
  if (putIpv4(octets, address)) return octets;
  const bytes = parseV6(address);
  if (bytes === undefined) throw new LvscareError("BAD_ADDRESS", `"${address}" is not an IP address`);
  return new Uint8Array(bytes);
}

/**
 * Writes the octets of an IPv4 address to the beginning of the bytes. False for any other text; then the first four
 * may hold anything. Works by character, because each dial and each message to the kernel needs it.
 */
export function putIpv4(bytes: Uint8Array, text: string): boolean {
  let at = 0;
  let octet = -1;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - DIGIT_ZERO;
    if (digit >= 0 && digit <= 9) {
      // Some programs read a leading zero as octal, others as decimal.
      if (octet === 0) return false;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return false;
    } else {
      if (text[index] !== "." || octet < 0 || at === 3) return false;
      bytes[at++] = octet;
      octet = -1;
    }
  }
  if (octet < 0) return false;
  bytes[at] = octet;
  return at === 3;
}

/** Canonical text (RFC 5952 for IPv6) of 4 or 16 bytes in network order. */
export function addressFromBytes(bytes: ArrayLike<number>): string {
  if (bytes.length === 4) return Array.from(bytes).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const run = longestZeroRun(groups);
  return run.length < 2
    ? hexGroups(groups)
    : `${hexGroups(groups.slice(0, run.start))}::${hexGroups(groups.slice(run.start + run.length))}`;
}

// --- internal ---

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** What is wrong with an endpoint that cannot be read, and how to write it. */
function faultOf(text: string): string {
  if (/[\s,;]/.test(text)) return "has blanks, commas or semicolons in it; write one IP:port";
  // Files of variables and manifests keep quotes that a shell would have taken away.
  if (/["'`\u2018-\u201f]/.test(text)) return "has quotes in it; write IP:port without";
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return "is a URL; write only IP:port";
  if (/^\[[^\]]*\]$/.test(text)) return "has no port; write it like [fd00::1]:6443";
  if (/^[\d.]+(?::\d+){2,}$/.test(text)) return "has more than one port; write it as IP:port";
  const [, host, port = ""] = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(text) ?? [];
  if (host === undefined) {
    const hint = text.includes(":") ? "write an IPv6 address in brackets: [fd00::1]:6443" : "write it as IP:port";
    return `is not an address with a port; ${hint}`;
  }
  if (parsePort(port) === undefined) return "needs a port from 1 to 65535";
  if (/^[\d.]+$/.test(host)) return "needs an IPv4 address: four numbers up to 255, without leading zeros";
  return "needs an IP address before the port (host names are not resolved)";
}

function parseV4(text: string): number[] | undefined {
  const bytes = new Uint8Array(4);
  return putIpv4(bytes, text) ? [...bytes] : undefined;
}

function parseV6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2 || !text.includes(":")) return undefined;
  const [head, tail] = halves.map((half, index) => v6Bytes(half, index === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  return [...head, ...Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}

/** Bytes of one side of `::`; an IPv4 tail (`::ffff:10.0.0.1`) is allowed where the address ends. */
function v6Bytes(half: string, last: boolean): number[] | undefined {
  if (half === "") return [];
  const bytes: number[] = [];
  const groups = half.split(":");
  for (const [index, group] of groups.entries()) {
    if (last && index === groups.length - 1 && group.includes(".")) {
      const v4 = parseV4(group);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
      continue;
    }
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes;
}

function hexGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

const DIGIT_ZERO = 48;
