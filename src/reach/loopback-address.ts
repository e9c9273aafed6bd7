import { hostPrefix, isLoopback, isUnspecified, parseAddress } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import type { NetlinkConnection } from "../netlink/connection.ts";
import { deleteAddress, newAddress, type LinkAddress } from "../netlink/route/addresses.ts";
import { decodeLinkIndex, getLink } from "../netlink/route/links.ts";
import {
  connected,
  execute,
  openHostNetwork,
  OUR_PROTOCOL,
  readAddresses,
  refused,
  type OpenTransport,
} from "./host-network.ts";
import type { HostObject } from "./host-object.ts";

/**
 * Makes an address this host's own: on `lo`, as a network of one, when no link carries it. All of 127.0.0.0/8 is local already.
 * Rejects with NOT_PERMITTED or KERNEL_REFUSED.
 */
export async function ensureLocalAddress(
  address: string,
  openTransport: OpenTransport = openHostNetwork,
): Promise<"already-local" | "added"> {
  const own = ownAddress(address);
  if (isAlwaysLocal(own.address)) return "already-local";
  return connected(openTransport, (connection) => {
    if (carriersOf(own, connection).length > 0) return "already-local";
    const marked = { ...own, ...markOf(own), linkIndex: loopbackIndex(connection) };
    const refusal = execute(connection, newAddress(marked));
    if (refusal === undefined) return "added";
    // Another process was faster.
    if (refusal.errno === "EEXIST") return "already-local";
    throw refused(refusal, `add ${own.address}/${own.prefix} to lo`);
  });
}

/**
 * Takes back what `ensureLocalAddress` added, and resolves to whether there was anything to take back: an address on
 * `lo` without our mark was set by others, and stays. Rejects as `ensureLocalAddress` does.
 */
export async function removeLoopbackAddress(
  address: string,
  openTransport: OpenTransport = openHostNetwork,
): Promise<boolean> {
  const own = ownAddress(address);
  if (isAlwaysLocal(own.address)) return false;
  return connected(openTransport, (connection) => {
    const onLoopback = { ...own, linkIndex: loopbackIndex(connection) };
    if (!isOursAt(onLoopback, connection)) return false;
    const refusal = execute(connection, deleteAddress(onLoopback));
    if (refusal === undefined) return true;
    // Another process was faster.
    if (refusal.errno === "EADDRNOTAVAIL") return false;
    throw refused(refusal, `remove ${own.address}/${own.prefix} from lo`);
  });
}

/** Whether `removeLoopbackAddress` would take anything back. */
export async function hasLoopbackAddress(
  address: string,
  openTransport: OpenTransport = openHostNetwork,
): Promise<boolean> {
  const own = ownAddress(address);
  if (isAlwaysLocal(own.address)) return false;
  return connected(openTransport, (connection) =>
    isOursAt({ ...own, linkIndex: loopbackIndex(connection) }, connection),
  );
}

/**
 * The same as an object to keep: if others take the address away, the proxy still listens, but no client reaches it
 * any more. An address on another link belongs to that link's owner, who may move it, for example to another host: it
 * is not made again here.
 */
export function localAddress(address: string, openTransport: OpenTransport = openHostNetwork): HostObject {
  const own = ownAddress(address);
  let isOthers = false;
  return {
    name: `local address ${own.address}`,
    async inspect() {
      if (isAlwaysLocal(own.address)) return undefined;
      return connected(openTransport, (connection) => {
        const carriers = carriersOf(own, connection);
        if (carriers.length === 0) return isOthers ? undefined : "missing";
        const loopback = loopbackIndex(connection);
        isOthers = carriers.every(({ linkIndex }) => linkIndex !== loopback);
        return undefined;
      });
    },
    establish: async () => void (await ensureLocalAddress(own.address, openTransport)),
    remove: () => removeLoopbackAddress(own.address, openTransport),
    isRemovable: () => hasLoopbackAddress(own.address, openTransport),
  };
}

/** Whether we added it to the host; IPv6 addresses have no mark before kernel 5.18. */
export function isMarked({ label, protocol }: LinkAddress): boolean {
  return label === LABEL || protocol === OUR_PROTOCOL;
}

// --- internal ---

const LOOPBACK = "lo";

/**
 * How we recognize our own. IPv4 addresses have labels everywhere; for IPv6 there is only the protocol, from kernel
 * 5.18 on.
 */
const LABEL = `${LOOPBACK}:lvscare`;

function markOf({ family }: Pick<LinkAddress, "family">): Pick<LinkAddress, "label" | "protocol"> {
  return family === "ipv4" ? { label: LABEL, protocol: OUR_PROTOCOL } : { protocol: OUR_PROTOCOL };
}

function isOursAt(onLoopback: LinkAddress, connection: NetlinkConnection): boolean {
  return readAddresses(connection).some((other) => isSame(other, onLoopback) && isMarked(other));
}

/** The address as links have it. */
function carriersOf(own: Pick<LinkAddress, "address">, connection: NetlinkConnection): readonly LinkAddress[] {
  return readAddresses(connection).filter((other) => other.address === own.address);
}

function isSame(a: LinkAddress, b: LinkAddress): boolean {
  return a.address === b.address && a.prefix === b.prefix && a.linkIndex === b.linkIndex;
}

function ownAddress(text: string): Omit<LinkAddress, "linkIndex"> {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new LvscareError("BAD_ADDRESS", `"${text}" is not an IP address`);
  return { ...parsed, prefix: hostPrefix(parsed.family) };
}

/** Also true for the wildcard addresses. */
function isAlwaysLocal(address: string): boolean {
  return isLoopback(address) || isUnspecified(address);
}

function loopbackIndex(connection: NetlinkConnection): number {
  const { replies, refusal } = connection.request(getLink(LOOPBACK), decodeLinkIndex);
  const [index] = replies;
  if (refusal === undefined && index !== undefined) return index;
  throw refused(refusal ?? { errno: "ENODEV" }, `find the link ${LOOPBACK}`);
}
