import type { Finding } from "../../domain/finding.ts";
import type { VirtualServerStatus } from "../../domain/status.ts";
import { judgeConnections } from "./connections.ts";
import { judgeWay, readWay } from "./route.ts";
import { subjectsOf } from "./subject.ts";
import { connectionPorts, tryConnections } from "./try-connections.ts";

/**
 * What keeps clients of this host from being served through this daemon's virtual server: the relevant part of an
 * examination.
 */
export async function examineWay(status: () => Promise<VirtualServerStatus>): Promise<readonly Finding[]> {
  const [subject] = subjectsOf({ virtualServers: [], realServers: [] }, [await status()], []);
  if (subject === undefined) return [];
  const counts = async (): Promise<ReadonlyMap<string, number>> => {
    const { realServers } = await status();
    return new Map(realServers.map(({ address, stats }) => [address, stats?.connections ?? 0]));
  };
  const readings = await tryConnections(subject, connectionPorts(counts));
  return [judgeWay(readWay(subject.service.endpoint), subject), ...judgeConnections(subject, readings)];
}
