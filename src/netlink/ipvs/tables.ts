import { NO_TRAFFIC, type TrafficStats } from "../../domain/virtual-server.ts";
import { attributeTable, be16, nested, raw, text, u16, u32, u64, u8, type AttributeCodec } from "../attributes.ts";

/** `struct ip_vs_flags`: the bits, and the mask of valid ones. */
const serviceFlags: AttributeCodec<number> = {
  write(writer, value) {
    writer.u32(value);
    writer.u32(0xffff_ffff);
  },
  read: (reader) => reader.u32(),
};

/** IPVS_STATS_ATTR_* as IPVS_*_ATTR_STATS carries them: counts wrap at 2^32, bytes do not. */
const STATS = attributeTable({
  connections: [1, u32],
  inPackets: [2, u32],
  outPackets: [3, u32],
  inBytes: [4, u64],
  outBytes: [5, u64],
});

/** The same numbers in IPVS_*_ATTR_STATS64, since Linux 4.1. */
const STATS64 = attributeTable({
  connections: [1, u64],
  inPackets: [2, u64],
  outPackets: [3, u64],
  inBytes: [4, u64],
  outBytes: [5, u64],
});

/** IPVS_SVC_ATTR_* */
export const SERVICE = attributeTable({
  addressFamily: [1, u16],
  protocol: [2, u16],
  /** 16 bytes, of which IPv4 uses the first 4. */
  address: [3, raw],
  port: [4, be16],
  fwmark: [5, u32],
  scheduler: [6, text],
  flags: [7, serviceFlags],
  /** Seconds. */
  timeout: [8, u32],
  /** IPv4: the mask in network order. IPv6: the prefix length in host order. */
  netmask: [9, raw],
  stats: [10, nested(STATS)],
  persistenceEngine: [11, text],
  stats64: [12, nested(STATS64)],
});

/** IPVS_DEST_ATTR_* */
export const DESTINATION = attributeTable({
  address: [1, raw],
  port: [2, be16],
  forwarding: [3, u32],
  weight: [4, u32],
  upperThreshold: [5, u32],
  lowerThreshold: [6, u32],
  activeConnections: [7, u32],
  inactiveConnections: [8, u32],
  /** Since Linux 3.18, when a tunnel could first lead to the other family. */
  addressFamily: [11, u16],
  /** Since Linux 5.2, its flags since 5.3; 0 for what is no tunnel. */
  tunnelType: [13, u8],
  tunnelPort: [14, be16],
  tunnelFlags: [15, u16],
});

/** With its traffic, which is most of the kernel's answer, and of a reading's cost. */
export const MEASURED_DESTINATION = attributeTable({
  ...DESTINATION.rows,
  stats: [10, nested(STATS)],
  stats64: [12, nested(STATS64)],
});

/** IPVS_CMD_ATTR_* */
export const COMMAND = attributeTable({
  service: [1, nested(SERVICE)],
  destination: [2, nested(DESTINATION)],
});

export const MEASURED_COMMAND = attributeTable({ destination: [2, nested(MEASURED_DESTINATION)] });

/** IPVS_INFO_ATTR_* */
export const INFO = attributeTable({ version: [1, u32], connectionTableSize: [2, u32] });

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

// --- internal ---

type Counters = { readonly [Name in keyof TrafficStats]?: number | undefined };
