import { isLoopback } from "../domain/endpoint.ts";
import { decodeLink, getLinks } from "../netlink/route/links.ts";
import { connected, openHostNetwork, readAddresses, readTable, type OpenTransport } from "./host-network.ts";
import { LINK_ALIAS } from "./link/dummy-link.ts";
import { isMarked } from "./loopback-address.ts";

/** Whether an address is this host's by itself. */
export type IsOwn = (address: string) => boolean;

/** The present addresses of links, without those that this host was given for a virtual server. */
export function readOwnAddresses(openTransport: OpenTransport = openHostNetwork): IsOwn {
  return connected(openTransport, (connection) => {
    const links = readTable(connection, getLinks(), decodeLink, "read this host's links");
    const ours = new Set(links.filter(({ alias }) => alias === LINK_ALIAS).map(({ index }) => index));
    const own = readAddresses(connection).filter((one) => !isMarked(one) && !ours.has(one.linkIndex));
    const addresses = new Set(own.map(({ address }) => address));
    return (address) => isLoopback(address) || addresses.has(address);
  });
}
