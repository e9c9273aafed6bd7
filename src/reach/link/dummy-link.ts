import { hostPrefix, isIpv6LinkLocal, type Endpoint } from "../../domain/endpoint.ts";
import { LvscareError } from "../../domain/errors.ts";
import type { NetlinkConnection, NetlinkRequest } from "../../netlink/connection.ts";
import { deleteAddress, newAddress, type LinkAddress } from "../../netlink/route/addresses.ts";
import { decodeLink, deleteLink, getLinks, newDummy, setLinkUp, type Link } from "../../netlink/route/links.ts";
import {
  connected,
  execute,
  openHostNetwork,
  OUR_PROTOCOL,
  readAddresses,
  readTable,
  refused,
  type OpenTransport,
} from "../host-network.ts";
import type { HostObject } from "../host-object.ts";

export interface DummyLinkOptions {
  readonly name: string;
  readonly destination: Omit<Endpoint, "port">;
  /** Whether something on this host still needs the address: `remove` then leaves it. */
  readonly isInUse: () => Promise<boolean>;
  /** A link that `remove` leaves alone. */
  readonly spared?: string | undefined;
  readonly openTransport?: OpenTransport;
}

/**
 * A link that leads nowhere and carries the virtual address: it makes the address this host's own, so that packets
 * from everywhere are accepted, and IPVS sees them. Virtual servers share it; the last one removes it.
 */
export function dummyLink(options: DummyLinkOptions): HostObject {
  const { name, destination, isInUse, openTransport = openHostNetwork } = options;
  const prefix = hostPrefix(destination.family);
  const what = `${destination.address}/${prefix} on dummy link ${name}`;
  return {
    name: what,
    isHeardOf: true,
    async inspect() {
      return connected(openTransport, (connection) => {
        const { link, address } = look(connection, options);
        if (link === undefined) return "missing";
        if (!link.isUp) return "is down";
        return address === undefined ? "lacks the address" : undefined;
      });
    },
    async establish() {
      connected(openTransport, (connection) => {
        if (look(connection, options).link === undefined) make(connection, name);
        const { link, address } = look(connection, options);
        if (link === undefined) throw refused({ errno: "ENODEV" }, `add ${what}`);
        if (!link.isUp || link.alias !== LINK_ALIAS)
          must(connection, setLinkUp(link.index, LINK_ALIAS), `bring up dummy link ${name}`);
        if (address !== undefined) return;
        const own: LinkAddress = { ...destination, prefix, linkIndex: link.index, protocol: OUR_PROTOCOL };
        must(connection, newAddress(own), `add ${what}`);
      });
    },
    async remove() {
      if (await isInUse()) return false;
      return connected(openTransport, (connection) => {
        let removed = false;
        for (const { request, what } of takeBacks(connection, options))
          removed = remove(connection, request, what) || removed;
        return removed;
      });
    },
    async isRemovable() {
      if (await isInUse()) return false;
      return connected(openTransport, (connection) => takeBacks(connection, options).length > 0);
    },
  };
}

/**
 * How we recognize our own. The Go program's has no mark: a link with nothing but single addresses is taken for it if
 * it has its name, or the virtual address.
 */
export const LINK_ALIAS = "lvscare";

// --- internal ---

const GO_NAME = "lvscare";

interface LinkView {
  readonly link: Link | undefined;
  readonly address: LinkAddress | undefined;
}

/** Throws IN_THE_WAY when the name belongs to another program. */
function look(connection: NetlinkConnection, { name, destination }: DummyLinkOptions): LinkView {
  const link = readLinks(connection).find((one) => one.name === name);
  if (link === undefined) return { link, address: undefined };
  const carried = readAddresses(connection).filter(({ linkIndex }) => linkIndex === link.index);
  const prefix = hostPrefix(destination.family);
  const address = carried.find((one) => one.address === destination.address && one.prefix === prefix);
  const isOfGo = name === GO_NAME || address !== undefined;
  const isLikeOurs =
    isOfGo && carried.every((one) => isIpv6LinkLocal(one.address) || one.prefix === hostPrefix(one.family));
  if (link.kind !== "dummy" || (link.alias !== LINK_ALIAS && !isLikeOurs)) {
    const is = link.kind === "dummy" ? "a dummy link of somebody else" : `no dummy link (${link.kind ?? "hardware"})`;
    throw new LvscareError("IN_THE_WAY", `${name} is ${is}, and is left alone`, {
      operation: `put ${destination.address} on a link`,
      remedy: "name another link with --iface",
    });
  }
  return { link, address };
}

/** Our links that have nothing else any more, under any name that they had then; of the others, the address. */
function takeBacks(
  connection: NetlinkConnection,
  { name, destination, spared }: DummyLinkOptions,
): readonly { readonly request: NetlinkRequest; readonly what: string }[] {
  const prefix = hostPrefix(destination.family);
  const addresses = readAddresses(connection);
  return readLinks(connection)
    .filter((link) => link.kind === "dummy" && link.name !== spared)
    .flatMap((link) => {
      const carried = addresses.filter(({ linkIndex }) => linkIndex === link.index);
      const address = carried.find((one) => one.address === destination.address && one.prefix === prefix);
      const isOurs = link.alias === LINK_ALIAS || (address !== undefined && link.name === name);
      if (!isOurs) return [];
      const others = carried.filter((one) => one !== address && !isIpv6LinkLocal(one.address));
      if (others.length === 0) return [{ request: deleteLink(link.index), what: link.name }];
      if (address === undefined) return [];
      return [{ request: deleteAddress(address), what: `${address.address}/${prefix} on dummy link ${link.name}` }];
    });
}

function readLinks(connection: NetlinkConnection): readonly Link[] {
  return readTable(connection, getLinks(), decodeLink, "read this host's links");
}

/** The kernel takes no alias with a new link: without one it would be somebody else's. */
function make(connection: NetlinkConnection, name: string): void {
  if (!must(connection, newDummy(name), `add dummy link ${name}`)) return;
  const made = readLinks(connection).find((one) => one.name === name);
  if (made !== undefined) must(connection, setLinkUp(made.index, LINK_ALIAS), `bring up dummy link ${name}`);
}

/** Whether it was done: false when another daemon was quicker. */
function must(connection: NetlinkConnection, request: NetlinkRequest, operation: string): boolean {
  const refusal = execute(connection, request);
  if (refusal !== undefined && refusal.errno !== "EEXIST") throw refused(refusal, operation);
  return refusal === undefined;
}

/** Whether it was there to be removed. */
function remove(connection: NetlinkConnection, request: NetlinkRequest, what: string): boolean {
  const refusal = execute(connection, request);
  if (refusal === undefined) return true;
  if (refusal.errno === "ENODEV" || refusal.errno === "EADDRNOTAVAIL") return false;
  throw refused(refusal, `remove ${what}`);
}
