import { NO_TRAFFIC, type TrafficStats } from "../../domain/virtual-server.ts";

type Counters = { readonly [Name in keyof TrafficStats]?: number | undefined };

/** The 64-bit counters, or an older kernel's smaller ones. */
export function trafficStats(values: {
  readonly stats?: Counters | undefined;
  readonly stats64?: Counters | undefined;
}): TrafficStats {
  const counters = values.stats64 ?? values.stats ?? {};
  return {
    connections: counters.connections ?? NO_TRAFFIC.connections,
    inPackets: counters.inPackets ?? NO_TRAFFIC.inPackets,
    outPackets: counters.outPackets ?? NO_TRAFFIC.outPackets,
    inBytes: counters.inBytes ?? NO_TRAFFIC.inBytes,
    outBytes: counters.outBytes ?? NO_TRAFFIC.outBytes,
  };
}
