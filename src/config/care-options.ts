import type { ClusterDrains } from "../domain/cluster-drain.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import type { VirtualServerConfiguration } from "../domain/virtual-server-configuration.ts";
import type { HealthChecks } from "./combination.ts";
import type { DiscoverOptions } from "./discover-options.ts";
import type { ProbeOptions } from "./probe-kinds/probe-kinds.ts";

export type { BodyExpectation, StatusRange } from "./http-expectations.ts";
export type { DiscoverOptions } from "./discover-options.ts";
export type { HttpProbeOptions, HttpRequestOptions } from "./probe-kinds/http.ts";
export type { HealthCheckOptions, HealthChecks } from "./combination.ts";
export type { ProbeOptions } from "./probe-kinds/probe-kinds.ts";

/** One virtual server and how it is cared for: every value resolved and validated, nothing left to interpret. */
export interface VirtualServerOptions extends VirtualServerConfiguration, HealthChecks {
  /** A label for people: changing it changes nothing else. Undefined: its address names it. */
  readonly name: string | undefined;
  /** Labels of real servers that have one, by formatted endpoint. */
  readonly realServerNames: ReadonlyMap<string, string>;
  readonly dataPlane: "auto" | "ipvs" | "userspace";
  readonly reach: ReachOptions;
  /** Who finds further members; absent: the configuration lists them all. */
  readonly discover?: DiscoverOptions;
  /** By formatted endpoint: those of `drained` whom the whole cluster drains, and not the configuration. */
  readonly clusterDrains?: ClusterDrains;
  /** Whether a connection is made through the virtual address now and then. */
  readonly checkWay: boolean;
  /** Whether its clients' traffic makes real servers suspect. */
  readonly suspicion: boolean;
}

/** What a process has once, however many virtual servers it cares for. */
export interface ProcessOptions {
  readonly log: LogOptions;
  /** Where metrics and status are served over HTTP; undefined for nowhere. */
  readonly httpListen: Endpoint | undefined;
  /** Where discovered members are remembered. */
  readonly cacheDirectory: string;
  readonly budget: CheckBudget;
}

/** How much is checked at most. */
export interface CheckBudget {
  /** Checks under way at the same time. */
  readonly mostAtOnce: number;
  /** What one real server is asked; undefined: as often as intervals say. */
  readonly perServer: ServerBudget | undefined;
}

/** What all nodes of a cluster together ask of one real server. */
export interface ServerBudget {
  readonly perSecond: number;
  readonly nodes: number;
  /** Nobody said how many there are: where the cluster may be asked, it says so. */
  readonly isCounted?: true;
}

/** Everything that one process cares for. Flags are a configuration with one virtual server. */
export interface CareConfig extends ProcessOptions {
  /** In the order of the configuration; no two have the same protocol and address. */
  readonly virtualServers: readonly VirtualServerOptions[];
}

/** What `lvscare care` with flags is to do. */
export interface CareOptions extends VirtualServerOptions, ProcessOptions {
  readonly probe: ProbeOptions;
  readonly runOnce: boolean;
  readonly clean: boolean;
}

/** How this host gets to the virtual address. */
export interface ReachOptions {
  readonly mode: "route" | "link" | "none";
  /** Name of the dummy interface of link mode. */
  readonly iface: string;
  /** Gateway of route mode; undefined when none was named. */
  readonly gateway: string | undefined;
  /** Bit of the packet mark used for masquerading in link mode, 0 to 31. */
  readonly masqueradeBit: number;
  /** Whether link mode keeps other links from answering for the virtual address. */
  readonly strictArp: boolean;
  /** `keep` leaves every kernel setting as it is. */
  readonly sysctls: "manage" | "keep";
}

export interface LogOptions {
  readonly level: "info" | "debug";
  readonly format: "text" | "json";
}
