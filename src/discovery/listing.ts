import type { VirtualServerOptions } from "../config/care-options.ts";
import type { ClusterDrain } from "../domain/cluster-drain.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { realServer, type RealServer } from "../domain/virtual-server.ts";
import type { Known, Membership } from "./membership.ts";

/** What decides who is listed. */
export interface Listing {
  /** As the configuration has them. */
  readonly written: readonly RealServer[];
  readonly policy: "bootstrap" | "merge" | "only";
  /** Of members whose source tells none. */
  readonly weight: number;
  readonly membership: Membership;
  /** Nobody of the list serves: whoever else is known is to be tried. */
  readonly isRecalling: boolean;
}

/** The real servers of a virtual server: those that its configuration lists, and its members, as the policy has it. */
export function realServersOf({ written, policy, weight, membership, isRecalling }: Listing): readonly RealServer[] {
  const { members, attic } = membership;
  const own = new Map(written.map((server) => [formatEndpoint(server.endpoint), server]));
  const found = (all: ReadonlyMap<string, Known>): [string, RealServer][] =>
    [...all].map(([name, member]) => {
      const known = own.get(name);
      // What the configuration says of it counts, but for a weight that the source tells.
      const server = known ?? realServer(member.endpoint, weight);
      return [
        name,
        member.weight === undefined || member.weight === server.weight ? server : { ...server, weight: member.weight },
      ];
    });
  if (members === undefined) return policy === "only" ? [] : written;
  const isOwnListed = policy === "merge" || (policy === "bootstrap" && isRecalling);
  return [...new Map([...(isOwnListed ? own : []), ...found(members), ...(isRecalling ? found(attic) : [])]).values()];
}

/**
 * The options of a virtual server with these real servers, of whom those are drained that the cluster drains. As long as
 * nobody told who they are, nobody is unlisted.
 */
export function withMembers(
  written: VirtualServerOptions,
  membership: Membership,
  isRecalling: boolean,
): VirtualServerOptions {
  const { discover, unlisted } = written;
  if (discover === undefined) return written;
  const { policy, weight } = discover;
  const realServers = realServersOf({ written: written.realServers, policy, weight, membership, isRecalling });
  const clusterDrains = new Map(
    realServers.flatMap(({ endpoint }): [string, ClusterDrain][] => {
      const drain = membership.drains.get(endpoint.address);
      const name = formatEndpoint(endpoint);
      return drain === undefined || written.drained.has(name) ? [] : [[name, drain]];
    }),
  );
  return {
    ...written,
    realServers,
    unlisted: membership.members === undefined && policy !== "merge" ? "keep" : unlisted,
    ...(clusterDrains.size > 0 && {
      clusterDrains,
      drained: new Set([...written.drained, ...clusterDrains.keys()]),
    }),
  };
}

/** Who is checked only because nobody of the list serves. */
export function recalled({ written, policy, membership }: Omit<Listing, "weight" | "isRecalling">): readonly string[] {
  const { members, attic } = membership;
  if (members === undefined) return [];
  const own = policy === "bootstrap" ? written.map(({ endpoint }) => formatEndpoint(endpoint)) : [];
  return [...new Set([...own, ...attic.keys()])].filter((name) => !members.has(name));
}
