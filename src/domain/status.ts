import type { CertificateStatus } from "./certificate.ts";
import type { ClusterDrain } from "./cluster-drain.ts";
import type { AskedOf, CheckPart, RealServerState, Verdict } from "./health.ts";
import type { Hold } from "./hold.ts";
import type { DiscoveryStatus } from "./members.ts";
import type { Named } from "./name.ts";
import { describeVirtualServer, type NamedVirtualServer } from "./virtual-server-name.ts";
import type { Protocol, TrafficStats } from "./virtual-server.ts";

/** What `lvscare status` shows. Plain data that survives JSON; times are ISO 8601 in UTC. */
export interface StatusReport {
  /**
   * `daemons`: answered by running daemons. `table`: none runs, so this is the kernel's table, with no health known.
   */
  readonly source: "daemons" | "table";
  /** What the reader must know in addition to the table, such as why nothing could be read. */
  readonly notes: readonly string[];
  readonly virtualServers: readonly VirtualServerStatus[];
  /** The worst of theirs; absent where no daemon cares for one. */
  readonly condition?: Condition;
  /** Daemons of this user in other network namespaces, which are not asked for more. Absent where there are none. */
  readonly elsewhere?: readonly ElsewhereStatus[];
}

/** A daemon in another network namespace, whose virtual servers are not on this host. */
export interface ElsewhereStatus {
  /** `10.103.97.12:6443`: its virtual server, or the first of several. */
  readonly address: string;
  readonly protocol: Protocol;
  /** How many more it cares for; absent where that is its only one. */
  readonly others?: number;
  readonly networkNamespace: string;
  /** A process in it, by which it can be entered; absent where none is visible from here. */
  readonly process?: number;
}

/** `a daemon in another network namespace cares for 10.103.97.12:6443: nsenter --target 4242 --net lvscare status`. */
export function describeElsewhere(elsewhere: ElsewhereStatus): string {
  const { others = 0, networkNamespace, process } = elsewhere;
  const how =
    process === undefined
      ? `${networkNamespace}, of no process that can be seen from here: ask in its container`
      : `nsenter --target ${process} --net lvscare status`;
  return `a daemon in another network namespace cares for ${describeVirtualServer(elsewhere)}${others === 0 ? "" : ` and ${others} more`}: ${how}`;
}

export interface VirtualServerStatus extends NamedVirtualServer {
  readonly scheduler: string;
  readonly dataPlane: DataPlaneStatus;
  readonly stats: TrafficStats;
  /** How well it serves, in a word; absent where no daemon cares for it, and in reports of older ones. */
  readonly condition?: Condition;
  /** Of all that are listed below; absent in reports of older daemons. */
  readonly inService?: InService;
  readonly realServers: readonly RealServerStatus[];
  /** Undefined where no daemon keeps it: without a daemon, and with the userspace data plane. */
  readonly reach?: ReachStatus;
  /** Undefined before the first try, while no server is in service, and with `--check-way=false`. */
  readonly way?: WayStatus;
  /** There while too few real servers are healthy and health is ignored. */
  readonly failOpen?: FailOpenStatus;
  /** Present while no real server is healthy and those that still accept connections stay in service. */
  readonly lastResort?: LastResortStatus;
  /** Present while a changed probe lets no real server serve and the one before it goes on deciding. */
  readonly suspicion?: SuspicionStatus;
  /** Present while a changed probe has yet to prove itself, and is not suspicious. */
  readonly trial?: TrialStatus;
  /** Undefined where the configuration lists all real servers. */
  readonly discovery?: DiscoveryStatus;
  /** The configuration has it no longer: its real servers drain, then it goes. */
  readonly leaving?: true;
  /** Undefined where no daemon cares for it. */
  readonly daemon?: DaemonStatus;
}

/**
 * `serving`: all that should be in service are, and are healthy. `degraded`: some are not, or nobody answers through
 * the virtual address on this host. `fail-open`: some are in service whatever their checks say, by fail-open or as the
 * last resort. `nobody`: clients are not served.
 */
export type Condition = "serving" | "degraded" | "fail-open" | "nobody";

/** Why a real server takes no new connections. */
export type OutOfService =
  | { readonly why: "drained"; /** `alice`, `an operator`, `the configuration` or `its agent`. */ readonly by: string }
  | {
      /**
       * `failed`: its checks. `unproved`: they have not found it good yet, or not often enough. `shutting-down`: it says
       * so itself. `unanswered`: its clients get no answer. `set-aside`: it has weight 0 though it is healthy, as its
       * check asks. `unwritten`: the table lacks it still. `leaving`: the configuration lists it no longer. `unlisted`:
       * it never did. `unknown`: no daemon cares for it.
       */
      readonly why:
        | "failed"
        | "unproved"
        | "shutting-down"
        | "unanswered"
        | "set-aside"
        | "unwritten"
        | "leaving"
        | "unlisted"
        | "unknown";
    };

/** How many real servers take new connections, and of how many. */
export interface InService {
  readonly count: number;
  readonly of: number;
}

export interface DataPlaneStatus {
  readonly kind: "ipvs" | "userspace";
  /** `libnl`, `netlink socket` or `in process`. */
  readonly via: string;
  /** Why the kernel was not used, when `auto` fell back. */
  readonly because?: string;
}

export interface FailOpenStatus {
  readonly since: string;
  readonly healthy: number;
  readonly total: number;
}

export interface LastResortStatus {
  readonly since: string;
  /** Real servers that no operator drained: none of them is healthy. */
  readonly total: number;
  /** Those that stay in service: `10.0.0.1:6443`, … */
  readonly held: readonly string[];
}

/** A changed probe does not decide for each real server yet. */
export interface TrialStatus {
  readonly since: string;
  /** How it differs from the one before it, by the keys of a configuration file: `expect.status: [204]`. */
  readonly changes: readonly string[];
}

/** Why a changed probe is not trusted. */
export interface SuspicionStatus {
  readonly since: string;
  /** What one of them failed for. */
  readonly reason: string;
  /** Those whose health the probe before it still decides. */
  readonly servers: readonly string[];
  /** How it differs from that one, by the keys of a configuration file: `expect.status: [204]`. */
  readonly changes?: readonly string[];
}

/** How this host gets to the virtual address. */
export interface ReachStatus {
  readonly mode: "route" | "link" | "none";
  /** What is kept on the host for it: routes, addresses, settings. Empty until it was looked at for the first time. */
  readonly objects: readonly ReachObjectStatus[];
}

export interface ReachObjectStatus {
  /** `route 10.103.97.2/32 via 10.0.0.5 metric 50` */
  readonly name: string;
  /**
   * `left`: it deviates and stays so, because this process may not change it, or because others have theirs in its
   * place.
   */
  readonly state: "stands" | "left" | "failed";
  readonly since: string;
  /** Why it is not as it should be. */
  readonly problem?: string;
}

/** Whether a client of this host gets through the virtual address to a real server. */
export interface WayStatus {
  readonly answers: boolean;
  readonly since: string;
  /** When it was tried last. */
  readonly at: string;
  /** Milliseconds until the last connection was made, or until it was given up. */
  readonly latencyMs: number;
  /** Why there is no answer, and what to do. */
  readonly problem?: string;
}

export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  /** That it is in: `4026531840`. */
  readonly networkNamespace?: string;
  readonly startedAt: string;
  /** `serving/settled`, `serving/backingOff`, … */
  readonly state: string;
  /** Rounds that changed something in the data plane. */
  readonly applies: number;
  /** Rounds that found and repaired changes by others. */
  readonly repairs: number;
  readonly intervalMs: number;
  readonly lastError?: { readonly at: string; readonly message: string };
  /** Present while the data plane cannot be written to: the table may be wrong, or is unknown. */
  readonly failing?: { readonly since: string; readonly message: string };
  /** The URL of its page, for a browser on its host; absent where it serves none. */
  readonly page?: string;
  /** The name of its host; absent in reports of older daemons, as the next one. */
  readonly host?: string;
  /** What decides about its real servers. */
  readonly checked?: CheckedStatus;
  /** Of a daemon that was started with a file. */
  readonly configuration?: ConfigurationStatus;
  /** What its real servers are asked, or are to be, each once; absent in reports of older daemons. */
  readonly probes?: readonly ProbeStatus[];
  /** Present where checks had to wait for others to end, in the last minute. */
  readonly checksWait?: ChecksWaitStatus;
  /** Present where `checks-per-server` has real servers checked less often than their intervals say. */
  readonly serverBudget?: ServerBudgetStatus;
}

/** All nodes of a cluster together check a real server so often, and this one once in so many milliseconds. */
export interface ServerBudgetStatus {
  readonly perSecond: number;
  readonly nodes: number;
  /** The cluster says that there are so many, or would if it were asked. */
  readonly isCounted?: true;
  readonly gapMs: number;
}

/** A kind of check. */
export interface ProbeStatus {
  readonly type: string;
  readonly timeoutMs: number;
  /** Of what is asked for by a path: `/readyz`. */
  readonly path?: string;
  /** The real server's own port is connected, and nothing is said. */
  readonly onlyConnects?: true;
}

/** More checks were due than may be under way. */
export interface ChecksWaitStatus {
  readonly longestMs: number;
  /** That may be under way. */
  readonly most: number;
}

/** What real servers are asked, and what becomes of the answers. */
export interface CheckedStatus {
  /** By the keys of a configuration file: `type: http`, `path: /healthz`. What may be secret is left out. */
  readonly probe: readonly string[];
  /** Failed ones in a row that take one out, and good ones that bring it back. */
  readonly fall: number;
  readonly rise: number;
  /** How often while a verdict is in doubt, and while one is removed. */
  readonly fastIntervalMs: number;
  readonly downIntervalMs: number;
}

/** What became of the configuration file. */
export interface ConfigurationStatus {
  readonly file: string;
  /** When it was read last and found good: it says what is cared for. */
  readonly appliedAt: string;
  /** What of it could not be had, such as a port that is taken; absent where all was. */
  readonly warnings?: readonly string[];
  /** It was read after that and refused: `problem` is the first of so many. */
  readonly refused?: { readonly at: string; readonly problem: string; readonly problems: number };
}

export interface RealServerStatus extends Named {
  /**
   * Its health, unless it is `drained` on purpose. `leaving`: the configuration lists it no longer, and it drains.
   * `unlisted`: in the table but never listed. `unknown`: no daemon checks it.
   */
  readonly state: RealServerState | "drained" | "leaving" | "unlisted" | "unknown";
  /** By its checks, whatever an operator asked for; absent where there are none. */
  readonly health?: RealServerState;
  /** Takes new connections: it has a weight in the data plane. Absent in reports of older daemons, as the next one. */
  readonly inService?: boolean;
  /** Why it does not. */
  readonly outOfService?: OutOfService;
  /** Its weight in the data plane; undefined when it is absent there. */
  readonly weight?: number;
  readonly forwarding?: string;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly stats?: TrafficStats;
  /** What an operator asked for, whatever its health. */
  readonly hold?: Hold;
  /** What its agent asks for. */
  readonly asked?: AskedOf;
  /** The configuration itself keeps it drained, whatever an operator asks for. */
  readonly drainedByConfiguration?: true;
  /** Operators drain it on every node of the cluster, whatever one asks for here. */
  readonly drainedByCluster?: ClusterDrain;
  /** The configuration lists it no longer, but no listed one is in service yet. */
  readonly isAwaitingOthers?: true;
  /** Its clients and a check get no answer: no new ones while another serves, until it answers or its health changes. */
  readonly isUnanswered?: true;
  /** Of one that is drained: since when it is. Absent where the configuration drains it: that is not known. */
  readonly stateSince?: string;
  /** Since when its health is so; absent where that is since its state is. */
  readonly healthSince?: string;
  readonly lastVerdict?: VerdictStatus;
  /** Present while its checks cannot be made, and why: this host lacks something for them. It stays what it was. */
  readonly unchecked?: UncheckedStatus;
  /** Where several checks decide together, each of them. */
  readonly checks?: readonly CheckPart[];
  /** That it showed at its last handshake; absent where checks speak no TLS. */
  readonly certificate?: CertificateStatus;
  readonly lastTransition?: TransitionStatus;
  /** When what its check asks for beside its health changed last; absent where it never asked for anything. */
  readonly lastRequest?: RequestStatus;
}

export interface RequestStatus {
  readonly at: string;
  /** In words: `drained`, `weight 30`, `nothing any more`. */
  readonly asks: string;
  /** What the check found. */
  readonly reason: string;
}

export interface UncheckedStatus {
  readonly since: string;
  /** Of the last try. */
  readonly reason: string;
}

/** Its certificate is told apart from it, and so are the checks that it is of. */
export type VerdictStatus = Verdict & { readonly at: string };

export interface TransitionStatus {
  readonly at: string;
  readonly from: RealServerState;
  readonly to: RealServerState;
  readonly reason: string;
}

/** The exit code for a report without a daemon in it. */
export const NO_DAEMON = 3;
