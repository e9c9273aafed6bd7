import { readFileSync } from "node:fs";
import { formatEndpoint, isLoopback, type Endpoint, type Family } from "../domain/endpoint.ts";
import type { Logger } from "../domain/logger.ts";
import type { SeenHost } from "./host-view.ts";
import { addressesOfHost, type HostAddress } from "./hosts-file.ts";

/** The name that Sealos writes into /etc/hosts with the node's own address. */
export const NODE_NAME = "lvscare.node.ip";

/**
 * This node's address from its hosts file: the last line counts, as in the Go program, and one of the given family
 * counts more. Undefined when no line has the name.
 */
export function nodeAddress(family: Family, hostsFile = "/etc/hosts"): HostAddress | undefined {
  const candidates = addressesOfHost(read(hostsFile), NODE_NAME);
  return candidates.findLast((candidate) => candidate.family === family) ?? candidates.at(-1);
}

/** An address of this host, and the real server that the kernel speaks to from it. */
export interface FoundAddress {
  readonly address: string;
  readonly server: Endpoint;
}

/**
 * The address from which the kernel itself connects to the real servers: to the first one with a way, by loopback
 * only if there is no other. For IPv6, ::1 does not count: packets from it do not get anywhere.
 */
export function findNodeAddress(host: SeenHost, servers: readonly Endpoint[]): FoundAddress | undefined {
  let local: FoundAddress | undefined;
  for (const server of servers) {
    const address = host.sourceTowards(server);
    if (address === undefined || address === "::1") continue;
    if (!isLoopback(address)) return { address, server };
    local ??= { address, server };
  }
  return local;
}

/**
 * The same as a gateway that is looked up at each call, logged at INFO when it changes. Once found it stays while
 * this host has it, even when no way leads to any real server. `told`: what the virtual servers of this process take
 * for it and have logged, each once for all of them.
 */
export function foundGateway(
  servers: readonly Endpoint[],
  destination: Omit<Endpoint, "port">,
  logger: Pick<Logger, "info">,
  told: Set<string>,
): (host: SeenHost) => string | undefined {
  let known: string | undefined;
  return (host) => {
    const found = findNodeAddress(host, servers);
    // A route by way of the very address that it leads to would be none.
    if (found !== undefined && found.address !== destination.address && found.address !== known) {
      if (known !== undefined) told.delete(known);
      known = found.address;
      if (!told.has(known)) {
        logger.info(
          `taken for this node's address: ${known}, from which it speaks to ${formatEndpoint(found.server)} (--ip, in a file ip, names another)`,
        );
      }
      told.add(known);
    }
    const isHere = host.addresses().some(({ address }) => address === known);
    return known !== undefined && (isLoopback(known) || isHere) ? known : undefined;
  };
}

// --- internal ---

/** A host without the file has no names. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
