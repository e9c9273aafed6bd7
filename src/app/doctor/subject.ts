import { formatEndpoint, parseEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { FindingSubject } from "../../domain/finding.ts";
import { isDrainedByAgent, isKeptDrained } from "../../domain/in-service.ts";
import type {
  ProbeStatus,
  RealServerStatus,
  ReachStatus,
  SuspicionStatus,
  VirtualServerStatus,
} from "../../domain/status.ts";
import {
  formatServiceKey,
  parseServiceKey,
  virtualServer,
  type ObservedVirtualServer,
  type VirtualServer,
} from "../../domain/virtual-server.ts";
import { commandWord, isVirtualServerCalled } from "../../domain/virtual-server-name.ts";

export type Mode = ReachStatus["mode"];

/** What to examine; with nothing named, everything on this host. */
export interface DoctorOptions {
  /** In canonical text: addresses, or keys. */
  readonly virtualServers: readonly string[];
  readonly realServers: readonly Endpoint[];
  readonly scheduler?: string;
  readonly mode?: Mode;
}

/** A virtual server that is examined. */
export interface Subject {
  readonly service: VirtualServer;
  /** What a command names it by. */
  readonly word: string;
  /** How this host is meant to reach it; undefined when that is not known. */
  readonly mode: Mode | undefined;
  /** What moves its packets; undefined when it is not set up yet. */
  readonly plane: "ipvs" | "userspace" | undefined;
  /** The daemon that cares for it. */
  readonly daemon:
    | {
        readonly pid: number;
        readonly reach?: ReachStatus;
        readonly isFailOpen: boolean;
        readonly isLastResort?: boolean;
        readonly probes?: readonly ProbeStatus[];
        /** Its changed probe is not trusted. */
        readonly suspicion?: SuspicionStatus;
      }
    | undefined;
  readonly realServers: readonly SubjectServer[];
}

export interface SubjectServer {
  readonly endpoint: Endpoint;
  /** Undefined when it is not in the table. */
  readonly weight: number | undefined;
  readonly forwarding: string | undefined;
  readonly state: RealServerStatus["state"];
  /** An operator keeps clients away from it: `lvscare drain`. */
  readonly isDrained?: boolean;
  /** Its agent asked for that, and nobody else. */
  readonly isDrainedByAgent?: boolean;
  /** What its last check found. */
  readonly lastCheck?: string;
  /** That its own certificate is valid for; absent where no check has seen that. */
  readonly certificateNames?: readonly string[];
}

/**
 * The virtual servers to examine: those that are named, else those that daemons care for, else those of the kernel's
 * table. For one in the table, the table counts more than the options: these only describe one that is not set up
 * yet.
 */
export function subjectsOf(
  options: DoctorOptions,
  told: readonly VirtualServerStatus[],
  table: readonly ObservedVirtualServer[],
): readonly Subject[] {
  const standing = new Map(table.map((one) => [formatServiceKey(one.service), one.service]));
  const asSubject = (status: VirtualServerStatus): Subject => ({
    ...subjectOf(status, standing, options),
    word: commandWord(status, options.virtualServers, told),
  });
  if (options.virtualServers.length === 0) {
    const cared = told.filter(({ daemon }) => daemon !== undefined);
    return (cared.length > 0 ? cared : told).map(asSubject);
  }
  return options.virtualServers.flatMap((word) => {
    const meant = told.filter((status) => isVirtualServerCalled(word, status));
    if (meant.length > 0) return meant.map(asSubject);
    const { protocol = "tcp", endpoint } = parseServiceKey(word);
    const service = virtualServer({ protocol, endpoint }, options.scheduler ?? "rr");
    return [
      { service, word, mode: options.mode, plane: undefined, daemon: undefined, realServers: added([], options) },
    ];
  });
}

/** How findings name it. */
export function about({ service }: Subject, realServer?: Endpoint): FindingSubject {
  return {
    virtualServer: formatServiceKey(service),
    ...(realServer !== undefined && { realServer: formatEndpoint(realServer) }),
  };
}

// --- internal ---

function subjectOf(
  status: VirtualServerStatus,
  standing: ReadonlyMap<string, VirtualServer>,
  options: DoctorOptions,
): Omit<Subject, "word"> {
  const key = { protocol: status.protocol, endpoint: parseEndpoint(status.address) };
  const { daemon, reach, failOpen, lastResort, suspicion } = status;
  return {
    service: standing.get(formatServiceKey(key)) ?? virtualServer(key, status.scheduler),
    mode: reach?.mode ?? options.mode,
    plane: status.dataPlane.kind,
    daemon: daemon && {
      pid: daemon.pid,
      ...(reach && { reach }),
      isFailOpen: failOpen !== undefined,
      ...(lastResort && { isLastResort: true }),
      ...(daemon.probes && { probes: daemon.probes }),
      ...(suspicion && { suspicion }),
    },
    realServers: added(status.realServers.map(serverOf), options),
  };
}

function serverOf(status: RealServerStatus): SubjectServer {
  const { address, weight, forwarding, state, lastVerdict, unchecked, certificate } = status;
  return {
    endpoint: parseEndpoint(address),
    weight,
    forwarding,
    state,
    ...(isKeptDrained(status) && { isDrained: true }),
    ...(isDrainedByAgent(status) && { isDrainedByAgent: true }),
    ...(lastVerdict !== undefined && { lastCheck: lastVerdict.reason }),
    ...(unchecked !== undefined && { lastCheck: `it cannot be checked: ${unchecked.reason}` }),
    ...(certificate && certificate.shownBy === undefined && { certificateNames: certificate.names }),
  };
}

/** With those options that are not among them. */
function added(servers: readonly SubjectServer[], { realServers }: DoctorOptions): readonly SubjectServer[] {
  const there = new Set(servers.map(({ endpoint }) => formatEndpoint(endpoint)));
  const missing = realServers.filter((endpoint) => !there.has(formatEndpoint(endpoint)));
  return [
    ...servers,
    ...missing.map((endpoint) => ({
      endpoint,
      weight: undefined,
      forwarding: undefined,
      state: "unknown" as const,
    })),
  ];
}
