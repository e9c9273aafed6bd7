import { formatEndpoint } from "./endpoint.ts";
import { describeNamed, isCalled, isName, type Named } from "./name.ts";
import { formatServiceKey, parseServiceKey, type Protocol, type ServiceKey } from "./virtual-server.ts";

/** What tells a virtual server from others, as plain data that survives JSON, and its name where it has one. */
export interface NamedVirtualServer extends Named {
  readonly protocol: Protocol;
}

export function nameVirtualServer({ protocol, endpoint }: ServiceKey, name: string | undefined): NamedVirtualServer {
  return { ...(name !== undefined && { name }), protocol, address: formatEndpoint(endpoint) };
}

/** Its `formatServiceKey`: what it is kept and found by. */
export function keyOf({ protocol, address }: NamedVirtualServer): string {
  return `${protocol} ${address}`;
}

/**
 * What people write to name virtual servers, in canonical text: a name, an address, or an address with its protocol.
 * Throws BAD_ADDRESS for what is none of them.
 */
export function parseVirtualServerWord(text: string): string {
  if (isName(text)) return text;
  const { protocol, endpoint } = parseServiceKey(text);
  return protocol === undefined ? formatEndpoint(endpoint) : formatServiceKey({ protocol, endpoint });
}

/** Whether a word in canonical text means this one: its name, its address, or that with its protocol. */
export function isVirtualServerCalled(word: string, one: NamedVirtualServer): boolean {
  return isCalled(word, one) || word === keyOf(one);
}

/** `web (10.103.97.12:6443)`, `dns (udp 10.103.97.10:53)`: that it is TCP goes without saying. */
export function describeVirtualServer(one: NamedVirtualServer): string {
  return describeNamed(one.protocol === "tcp" ? one : { ...one, address: keyOf(one) });
}

/**
 * The shortest word that means this one of them and no other: its address, or `udp/10.103.97.10:53` where another one
 * has that address.
 */
export function exactWord(one: NamedVirtualServer, all: readonly NamedVirtualServer[]): string {
  const isAlone = all.every(({ address, protocol }) => address !== one.address || protocol === one.protocol);
  return isAlone ? one.address : `${one.protocol}/${one.address}`;
}

/** The word for it in a command that is proposed: the operator's own where it was named, else the exact one. */
export function commandWord(
  one: NamedVirtualServer,
  words: readonly string[],
  all: readonly NamedVirtualServer[],
): string {
  const word = words.find((each) => isVirtualServerCalled(each, one)) ?? one.address;
  if (word === one.address) return exactWord(one, all);
  return word === keyOf(one) ? `${one.protocol}/${one.address}` : word;
}

/** Whose something is that is told beside others: the same, under names of its own. */
export interface OfVirtualServer {
  /** `10.103.97.12:6443` */
  readonly virtualServer: string;
  readonly virtualServerProtocol: Protocol;
  /** Absent where it has none. */
  readonly virtualServerName?: string;
}

export function ofVirtualServer({ address, protocol, name }: NamedVirtualServer): OfVirtualServer {
  return {
    virtualServer: address,
    virtualServerProtocol: protocol,
    ...(name !== undefined && { virtualServerName: name }),
  };
}

export function virtualServerOf({
  virtualServer: address,
  virtualServerProtocol: protocol,
  virtualServerName: name,
}: OfVirtualServer): NamedVirtualServer {
  return { address, protocol, ...(name !== undefined && { name }) };
}

export function isOfVirtualServer<T extends Partial<OfVirtualServer>>(one: T): one is T & OfVirtualServer {
  return one.virtualServer !== undefined;
}
