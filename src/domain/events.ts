import type { DiscoveryEvent } from "./discovery-event.ts";
import type { LvscareError } from "./errors.ts";
import type { RealServerState, Verdict } from "./health.ts";
import type { Hold } from "./hold.ts";
import type { Operation } from "./plan.ts";
import type { ConfigurationChange } from "./virtual-server-configuration.ts";
import type { WayEvent } from "./way.ts";

/** A virtual server's events, for logs, metrics and the SDK. No decision depends on them. */
export type CareEvent =
  | {
      readonly type: "virtualServer.adopted";
      /** Real servers by the state they start in. */
      readonly states: Readonly<Record<string, RealServerState>>;
      readonly existed: boolean;
    }
  /** It goes on with another configuration. `probe`: how its servers are checked changed, too. */
  | {
      readonly type: "virtualServer.configured";
      readonly change: ConfigurationChange | undefined;
      readonly probe: boolean;
      /** It had left the configuration and is back before it was gone. */
      readonly returned: boolean;
    }
  /** It left the configuration: its real servers drain, then it goes. */
  | { readonly type: "virtualServer.withdrawn"; readonly servers: number }
  /** It left the configuration, has drained, and is out of the table. */
  | { readonly type: "realServer.departed"; readonly server: string }
  /**
   * A changed probe would take out every real server, some of which serve by the one before it: their health goes on
   * by that one. `reason`: what it said of one of them.
   */
  | { readonly type: "probe.suspicious"; readonly servers: readonly string[]; readonly reason: string }
  /** A changed probe decides alone from now on: servers by its first verdicts, those that it checks otherwise than before. */
  | { readonly type: "probe.accepted"; readonly passed: number; readonly failed: number }
  /**
   * No server is left in service, and clients are not served. For a new virtual server: all were checked, or cannot be, and
   * none is good.
   */
  | { readonly type: "virtualServer.emptied"; readonly virtualServer: string }
  /** That is over. */
  | { readonly type: "virtualServer.refilled"; readonly virtualServer: string }
  | {
      readonly type: "realServer.healthChanged";
      readonly server: string;
      readonly from: RealServerState;
      readonly to: RealServerState;
      readonly reason: string;
      /** The check that decided it; absent where no check did. */
      readonly verdict?: Verdict | undefined;
    }
  | { readonly type: "realServer.probed"; readonly server: string; readonly verdict: Verdict }
  /** This host lacked the means for a check; the server's state is what it was. */
  | { readonly type: "realServer.unchecked"; readonly server: string; readonly reason: string }
  /** Its agent was not heard for too long: what it asked for counts no more. */
  | { readonly type: "agent.expired"; readonly server: string; readonly reason: string }
  /** It is heard again. */
  | { readonly type: "agent.heard"; readonly server: string }
  /** What its check asks for beside its health changed: `asks` says it in words, `reason` what the check found. */
  | { readonly type: "realServer.asked"; readonly server: string; readonly asks: string; readonly reason: string }
  /** An operator asked for something; undefined: nothing is held any more. */
  | { readonly type: "realServer.held"; readonly server: string; readonly hold: Hold | undefined }
  /**
   * Its clients seem to get no answer, and the check made because of that had none after this many milliseconds: while
   * another one serves it gets no new clients.
   */
  | { readonly type: "realServer.unanswered"; readonly server: string; readonly afterMs: number }
  /** It answers again. */
  | { readonly type: "realServer.answered"; readonly server: string }
  | { readonly type: "realServer.restarted"; readonly server: string; readonly error: unknown }
  /** In our service without being listed, since before we came, with this weight: drained now, removed one interval later. */
  | { readonly type: "realServer.unlisted"; readonly server: string; readonly weight: number }
  | {
      readonly type: "plan.applied";
      /** What was done. */
      readonly operations: readonly Operation[];
      /** Operations that repaired what others changed. */
      readonly repairs: readonly Operation[];
      /** False when the round failed in part: see `plan.failed`. */
      readonly complete: boolean;
    }
  /** Fail-open: too few real servers are healthy, so the rest stays in service; `healthy` of `total` are. */
  | {
      readonly type: "failOpen.entered";
      readonly healthy: number;
      readonly total: number;
      readonly retained: readonly string[];
    }
  | { readonly type: "failOpen.left"; readonly healthy: number; readonly total: number }
  /**
   * The last resort: none of `total` real servers is healthy, so those that served before and still accept
   * connections stay or come back.
   */
  | { readonly type: "lastResort.entered"; readonly total: number; readonly retained: readonly string[] }
  /** `healthy` of them are by now, or none accepts connections any more. */
  | { readonly type: "lastResort.left"; readonly healthy: number; readonly total: number }
  /** Others' changes were repaired again and again: this often within this many milliseconds. */
  | {
      readonly type: "repairs.recurring";
      readonly repairs: number;
      readonly withinMs: number;
      readonly last: readonly Operation[];
    }
  | { readonly type: "plan.failed"; readonly error: unknown; readonly attempt: number; readonly retryInMs: number }
  /** This process got no turn for this many milliseconds: checks that failed meanwhile are made again. */
  | { readonly type: "process.stalled"; readonly forMs: number }
  /**
   * The certificate that this server shows reached 30, 7 or 1 days before its end, or that (0). Once for each certificate
   * and number of days, whoever else shows it.
   */
  | {
      readonly type: "certificate.expiring";
      readonly server: string;
      readonly subject: string;
      readonly issuer: string;
      readonly notAfter: string;
      readonly days: number;
    }
  | ReachEvent
  | WayEvent
  | DiscoveryEvent
  | ConfigEvent;

/** What became of a configuration that was read again while its virtual servers were cared for; it is the process's. */
export type ConfigEvent =
  /** `changes`: what is other than before, a line each. */
  | { readonly type: "config.applied"; readonly file: string; readonly changes: readonly string[] }
  | { readonly type: "config.unchanged"; readonly file: string }
  /**
   * Nobody asked for the change, and it has virtual servers (`lost`) no more: its writer may be in the middle of it.
   * It is read again after this time, and believed if it says the same.
   */
  | {
      readonly type: "config.doubted";
      readonly file: string;
      readonly lost: readonly string[];
      readonly againMs: number;
    }
  /** Nothing was changed. `problem` is the first of so many. */
  | { readonly type: "config.rejected"; readonly file: string; readonly problem: string; readonly problems: number };

/** What happens to the settings by which this host reaches the virtual address; `object` is one of them, in words. */
export type ReachEvent =
  /** It is as it should be, for the first time or after a failure; `made` when it was not there before. */
  | { readonly type: "reach.established"; readonly object: string; readonly made: boolean }
  /** It was changed by others, and is restored. */
  | { readonly type: "reach.repaired"; readonly object: string; readonly deviation: string }
  /**
   * It deviates and stays so, because this process may not or need not change it. Reported again only when that
   * changes.
   */
  | { readonly type: "reach.left"; readonly object: string; readonly deviation: string; readonly error: LvscareError }
  /** Reported again only when the failure changes. */
  | { readonly type: "reach.failed"; readonly object: string; readonly error: unknown }
  /** Changes of this host are not noticed: it is looked at only once in each interval. */
  | { readonly type: "reach.unwatched"; readonly error: unknown };

/** `left as it is (0): this process may not (EROFS)` */
export function describeLeft({
  deviation,
  error,
}: Pick<Extract<ReachEvent, { type: "reach.left" }>, "deviation" | "error">): string {
  return `left as it is (${deviation.replace(/^is /, "")}): ${error.message}`;
}
