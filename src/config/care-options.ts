import type { Endpoint } from "../domain/endpoint.ts";
import type { HealthPolicy } from "../domain/health-policy.ts";
import type { RealServer, VirtualServer } from "../domain/virtual-server.ts";

/** One virtual server and how it is cared for: every value resolved and validated, nothing left to interpret. */
export interface VirtualServerOptions {
  /** A label for people: changing it changes nothing else. Undefined: its address names it. */
  readonly name: string | undefined;
  readonly service: VirtualServer;
  readonly realServers: readonly RealServer[];
  /** Labels of real servers that have one, by formatted endpoint. */
  readonly realServerNames: ReadonlyMap<string, string>;
  /** Formatted endpoints of real servers that the configuration itself keeps at weight 0. */
  readonly drained: ReadonlySet<string>;
  readonly policy: HealthPolicy;
  readonly dataPlane: "auto" | "ipvs" | "userspace";
  /** How a real server starts that is not in the data plane yet: `down` needs one good check first. */
  readonly initState: "down" | "up";
  readonly keepForeign: boolean;
  readonly reach: ReachOptions;
  readonly probe: HttpProbeOptions;
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
}

/** Everything that one process cares for. Flags are a configuration with one virtual server. */
export interface CareConfig extends ProcessOptions {
  /** In the order of the configuration; no two have the same protocol and address. */
  readonly virtualServers: readonly VirtualServerOptions[];
}

/** What `lvscare care` with flags is to do. */
export interface CareOptions extends VirtualServerOptions, ProcessOptions {
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

export interface HttpProbeOptions {
  readonly scheme: "http" | "https";
  /** Begins with a slash. */
  readonly path: string;
  readonly method: string;
  readonly body: string;
  /** In order; a name may come more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Status codes that pass although the rule (below 400) says otherwise. */
  readonly acceptStatus: readonly number[];
  /** The status codes that pass, both ends included, instead of that rule. */
  readonly onlyStatus?: readonly (readonly [from: number, to: number])[];
  /** Takes any certificate, as Go LVScare does by default. */
  readonly insecureSkipVerify: boolean;
  /** For the whole probe: connecting, TLS, headers and body. */
  readonly timeoutMs: number;
  /** For connecting alone; never longer than `timeoutMs` or the interval. */
  readonly connectTimeoutMs: number;
  /** Whether a connection stays open between checks. Its end makes the server suspect. */
  readonly sentinel: boolean;
  /** How long a kept connection's peer may leave data unacknowledged before the server is suspect. */
  readonly sentinelTimeoutMs: number;
  /**
   * No connection is kept to a server that closes them sooner than this: renewing them in time would mean far more
   * requests than the interval asks for.
   */
  readonly sentinelWorthMs: number;
  /** Whether each check makes a connection of its own. */
  readonly freshConnection: boolean;
}

export interface LogOptions {
  readonly level: "info" | "debug";
  readonly format: "text" | "json";
}
