import type { DiscoverSource } from "../config/discover-options.ts";
import type { ClusterDrains } from "../domain/cluster-drain.ts";
import { parseEndpoint } from "../domain/endpoint.ts";
import type { NodeDrain, NodeReport } from "../domain/node-report.ts";

/** How the real servers of one virtual server stand in the table. */
export interface Standing extends Pick<NodeReport, "version" | "virtualServer"> {
  readonly realServers: readonly {
    /** Formatted endpoint. */
    readonly address: string;
    /** Undefined where it is not in the table. */
    readonly weight?: number;
    readonly activeConnections: number;
  }[];
}

/** What is to be reported of it; undefined where that concerns no cluster. */
export function reportOf(
  standing: Standing | undefined,
  {
    at,
    source,
    drains,
    way,
  }: Pick<NodeReport, "at" | "way"> & { readonly source: DiscoverSource; readonly drains: ClusterDrains },
): NodeReport | undefined {
  if (standing === undefined || source.type !== "kubernetes") return undefined;
  const { version, virtualServer, realServers } = standing;
  const drained = [...drains].flatMap(([address, { since }]): [string, NodeDrain][] => {
    const there = realServers.filter((server) => parseEndpoint(server.address).address === address);
    // Heard of, but not yet written: that is no drain.
    if (there.some(({ weight = 0 }) => weight > 0)) return [];
    return [[address, { since, open: there.reduce((sum, { activeConnections }) => sum + activeConnections, 0) }]];
  });
  return {
    version,
    at,
    service: `${source.namespace}/${source.name}`,
    virtualServer,
    way,
    inService: realServers.filter(({ weight = 0 }) => weight > 0).length,
    of: realServers.length,
    drained: Object.fromEntries(drained),
  };
}
