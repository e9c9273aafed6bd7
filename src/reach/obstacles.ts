import { formatEndpoint, isLoopback, type Endpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import type { IsOwn } from "./own-addresses.ts";

export interface Arrangement {
  readonly service: Endpoint;
  readonly servers: readonly Endpoint[];
}

/**
 * Why the kernel can never lead clients of this virtual address to one of the real servers: a client that connects to
 * a loopback address does so from one, and such packets do not leave their host. NO_PASSAGE, or undefined where
 * nothing is in the way.
 */
export function boundToLoopback({ service, servers }: Arrangement, isOwn: IsOwn): LvscareError | undefined {
  if (!isLoopback(service.address)) return undefined;
  const elsewhere = servers.find(({ address }) => !isOwn(address));
  if (elsewhere === undefined) return undefined;
  return new LvscareError(
    "NO_PASSAGE",
    `what the kernel balances for ${service.address} never leaves this host, and so never gets to ${formatEndpoint(elsewhere)}: clients would hang`,
    { remedy: "run a daemon with --data-plane userspace, or choose a virtual address that is not of loopback" },
  );
}

/**
 * The real server on another host that has the virtual address: giving it to this host would cut this host off from
 * that one.
 */
export function serverAtAddress({ service, servers }: Arrangement, isOwn: IsOwn): Endpoint | undefined {
  return servers.find(({ address }) => address === service.address && !isOwn(address));
}

/** The same as a refusal: IN_THE_WAY. `mayBeSpared`: the kernel could balance without the address. */
export function takenOver(arrangement: Arrangement, isOwn: IsOwn, mayBeSpared: boolean): LvscareError | undefined {
  const server = serverAtAddress(arrangement, isOwn);
  if (server === undefined) return undefined;
  const { address } = server;
  return new LvscareError(
    "IN_THE_WAY",
    `${address} is the address of the real server ${formatEndpoint(server)}, on another host: if this one took it over, it would be cut off from that`,
    {
      remedy: mayBeSpared
        ? "choose a virtual address that is nobody's, or `--mode none`: for clients on this host alone the kernel needs no such address"
        : "choose a virtual address that is nobody's",
    },
  );
}
