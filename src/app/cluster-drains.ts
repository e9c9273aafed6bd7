import type { VirtualServerOptions } from "../config/care-options.ts";
import { withService } from "../domain/in-service.ts";
import type { VirtualServerStatus } from "../domain/status.ts";

/** To the machines, whom the cluster drains is drained by its configuration: here it is told who wanted it. */
export function withClusterDrains(
  status: VirtualServerStatus,
  drains: VirtualServerOptions["clusterDrains"],
): VirtualServerStatus {
  if (drains === undefined) return status;
  const realServers = status.realServers.map((server) => {
    const drain = drains.get(server.address);
    if (drain === undefined || server.drainedByConfiguration !== true) return server;
    const { drainedByConfiguration: _, outOfService: __, ...others } = server;
    // What an operator asked for here was before that, or is told in its place.
    const since = others.stateSince ?? (Date.parse(drain.since) > 0 ? drain.since : undefined);
    return { ...others, ...(since !== undefined && { stateSince: since }), drainedByCluster: drain };
  });
  return withService({ ...status, realServers });
}
