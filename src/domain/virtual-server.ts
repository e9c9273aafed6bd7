import { formatEndpoint, hostPrefix, parseEndpoint, type Endpoint } from "./endpoint.ts";

export const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** The kernel's key for a service. */
export interface ServiceKey {
  readonly protocol: Protocol;
  readonly endpoint: Endpoint;
}

/** A virtual server as we want it: what is sent to a data plane and compared, never a counter. */
export interface VirtualServer extends ServiceKey {
  /** A scheduler's kernel name: `rr`, `wlc`, `mh`, … */
  readonly scheduler: string;
  /** Names from `SERVICE_FLAGS`; the kernel's own bookkeeping bit (hashed) is never in here. */
  readonly flags: readonly ServiceFlag[];
  /** Seconds a client sticks to its real server; 0 when the service is not persistent. */
  readonly persistenceTimeoutS: number;
  /** Prefix length of the client network that persistence groups by: 32 or 128 means one host. */
  readonly persistencePrefix: number;
  /**
   * A second criterion of persistence beside the client's address, such as `sip`: a kernel module's name. Absent:
   * none.
   */
  readonly persistenceEngine?: string;
}

/**
 * `IP_VS_SVC_F_*` of linux/ip_vs.h. The three scheduler flags mean sh-fallback and sh-port to `sh`, mh-fallback and
 * mh-port to `mh`.
 */
export const SERVICE_FLAGS = ["persistent", "one-packet", "flag-1", "flag-2", "flag-3"] as const;
export type ServiceFlag = (typeof SERVICE_FLAGS)[number];

/**
 * The highest weight allowed. IPVS knows up to 2^31-1, but its weighted schedulers multiply weights by connection
 * counts.
 */
export const LARGEST_WEIGHT = 65_535;

export type Forwarding = "masquerade" | "direct-route" | "tunnel" | "local" | "bypass";

/** What a tunnel wraps packets in, where that is not plain IP in IP. */
export type TunnelType = "gue" | "gre";

/** `IP_VS_TUNNEL_ENCAP_FLAG_*` of linux/ip_vs.h. */
export const TUNNEL_FLAGS = ["checksum", "remote-checksum"] as const;
export type TunnelFlag = (typeof TUNNEL_FLAGS)[number];

/** A real server as we want it. Weight 0 keeps open connections and takes no new ones. */
export interface RealServer {
  readonly endpoint: Endpoint;
  readonly weight: number;
  readonly forwarding: Forwarding;
  /** No new connections while it has this many; 0 means no limit. */
  readonly upperThreshold: number;
  /** Below this many it takes connections again; 0 leaves the kernel's rule (three quarters of the upper one). */
  readonly lowerThreshold: number;
  readonly tunnelType?: TunnelType;
  /** The UDP port that GUE goes to. */
  readonly tunnelPort?: number;
  /** From `TUNNEL_FLAGS`, in their order; absent when there are none. */
  readonly tunnelFlags?: readonly TunnelFlag[];
}

/** Totals since the service or server was made. */
export interface TrafficStats {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

export interface ObservedRealServer {
  readonly server: RealServer;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  /** Absent if it was not asked for. */
  readonly stats?: TrafficStats;
}

/** The present contents of a data plane. */
export interface ObservedVirtualServer {
  readonly service: VirtualServer;
  readonly stats: TrafficStats;
  readonly realServers: readonly ObservedRealServer[];
}

/** Every scheduler of the kernel's net/netfilter/ipvs, by its kernel name. */
export const SCHEDULERS = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "sed",
  "nq",
  "fo",
  "ovf",
  "mh",
  "twos",
] as const;

/** Schedulers that only look at whether a weight is 0 (net/netfilter/ipvs/ip_vs_{rr,lc,dh}.c). */
export const WEIGHTLESS_SCHEDULERS: ReadonlySet<string> = new Set(["rr", "lc", "dh"]);

export const NO_TRAFFIC: TrafficStats = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };

/** `tcp 10.103.97.12:6443`: how a virtual server is named in logs, status and keys. */
export function formatServiceKey(key: ServiceKey): string {
  return `${key.protocol} ${formatEndpoint(key.endpoint)}`;
}

/**
 * Reads `tcp 10.103.97.12:6443` and, as shells and URLs like it, `tcp/10.103.97.12:6443`. An address alone has no
 * protocol: it means whatever stands there. Throws BAD_ADDRESS.
 */
export function parseServiceKey(text: string): {
  readonly protocol: Protocol | undefined;
  readonly endpoint: Endpoint;
} {
  const protocol = PROTOCOLS.find((one) => text.startsWith(`${one} `) || text.startsWith(`${one}/`));
  return { protocol, endpoint: parseEndpoint(protocol === undefined ? text : text.slice(protocol.length + 1)) };
}

/** A plain virtual server: no persistence, no flags. */
export function virtualServer(key: ServiceKey, scheduler: string): VirtualServer {
  return {
    protocol: key.protocol,
    endpoint: key.endpoint,
    scheduler,
    flags: [],
    persistenceTimeoutS: 0,
    persistencePrefix: hostPrefix(key.endpoint.family),
  };
}

/** A plain real server: masquerade, no connection limits. */
export function realServer(endpoint: Endpoint, weight = 1): RealServer {
  return { endpoint, weight, forwarding: "masquerade", upperThreshold: 0, lowerThreshold: 0 };
}

/** Whether two with the same protocol and endpoint are equal in everything that a data plane is given. */
export function sameService(a: VirtualServer, b: VirtualServer): boolean {
  return (
    a.scheduler === b.scheduler &&
    a.persistenceTimeoutS === b.persistenceTimeoutS &&
    a.persistencePrefix === b.persistencePrefix &&
    (a.persistenceEngine ?? "") === (b.persistenceEngine ?? "") &&
    String(a.flags) === String(b.flags)
  );
}

/** Whether two entries have the same endpoint and are equal in everything that a data plane is given. */
export function sameRealServer(a: RealServer, b: RealServer): boolean {
  return (
    a.endpoint.port === b.endpoint.port &&
    a.endpoint.address === b.endpoint.address &&
    a.weight === b.weight &&
    a.forwarding === b.forwarding &&
    a.upperThreshold === b.upperThreshold &&
    a.lowerThreshold === b.lowerThreshold &&
    a.tunnelType === b.tunnelType &&
    a.tunnelPort === b.tunnelPort &&
    (a.tunnelFlags === b.tunnelFlags || String(a.tunnelFlags) === String(b.tunnelFlags))
  );
}
