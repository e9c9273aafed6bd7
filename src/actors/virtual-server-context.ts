import type { ActorRef, Snapshot } from "xstate";
import type { MemberState } from "../desired/member.ts";
import type { Overlay } from "../desired/next.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Hold, Holds } from "../domain/hold.ts";
import type { DesiredVirtualServer } from "../domain/plan.ts";
import type { VirtualServerConfiguration } from "../domain/virtual-server-configuration.ts";
import type { ObservedVirtualServer, VirtualServer } from "../domain/virtual-server.ts";
import type { CheckSchedule } from "../probe/schedule/check-schedule.ts";
import type { RealServerActor, RealServerContext, RealServerInput } from "./real-server-machine.ts";

export interface AdoptionReport {
  readonly type: "virtualServer.adopted";
}

/** What happens to the configuration of a running virtual server. */
export type ConfigurationRequest =
  /**
   * Takes this configuration in place; equal to the present one it causes no work. `schedule` is given when the probe
   * changed: see `CheckCommand`.
   */
  | {
      readonly type: "configure";
      readonly configuration: VirtualServerConfiguration;
      readonly schedule?: CheckSchedule | undefined;
    }
  /**
   * It left the configuration: its real servers drain, then it is deleted from the data plane and its machine ends. A
   * `configure` brings it back, a `shutdown` leaves it as it is by then.
   */
  | { readonly type: "withdraw" };

/** What operators may ask of a real server, by its formatted endpoint. Ignored for one that is not listed. */
export type OperatorRequest =
  | { readonly type: "operator.hold"; readonly server: string; readonly hold: Hold | undefined }
  /** Check it as soon as there is room for it. */
  | { readonly type: "operator.check"; readonly server: string };

/**
 * Whether a real server, by its formatted endpoint, answers the check that was made because its clients seem to get
 * no answer. Ignored for one that is not listed.
 */
export type AnswerReport =
  | { readonly type: "answer.missing"; readonly server: string; readonly afterMs: number }
  | { readonly type: "answer.came"; readonly server: string };

/** Its configuration at the start, and what never changes. */
export interface VirtualServerInput extends VirtualServerConfiguration {
  readonly cleanupOnExit: boolean;
  /** What operators asked for, by now and before this start; also of real servers that are not listed at present. */
  readonly holds: Holds;
  /** Called once, when the table was taken over and caring begins. */
  readonly daemon?: ActorRef<Snapshot<unknown>, AdoptionReport> | undefined;
  readonly now: () => number;
}

export interface Member extends Pick<MemberState, "server" | "drained" | "isDrainedByConfiguration" | "isLeaving"> {
  readonly ref: RealServerActor;
  readonly hold: Hold | undefined;
  readonly isUnanswered?: true | undefined;
}

export interface VirtualServerContext extends VirtualServerInput {
  /** `service` as it was configured, without what was found in the table. */
  readonly configuredService: VirtualServer;
  /** It left the configuration, and ends when it has drained. */
  readonly isWithdrawn: boolean;
  readonly checks: RealServerInput["checks"];
  /** Set while a changed probe lets nobody serve and the one before it decides. */
  readonly suspicion: Suspicion | undefined;
  /** By formatted endpoint, as the ids of the children. */
  readonly members: ReadonlyMap<string, Member>;
  /** Those that could not be checked when nothing was known of them yet: see `check.impossible`. */
  readonly uncheckable: ReadonlySet<string>;
  readonly seen: SeenMembers;
  readonly overlay: Overlay;
  /** What the running round, or the last one, is to establish. */
  readonly wanted: DesiredVirtualServer | undefined;
  /** Something changed since the last round took its desired state. */
  readonly dirty: boolean;
  readonly stopping: boolean;
  readonly pace: Pace;
  /** The table after the last round, as far as it is known; else as it was when the round began. */
  readonly table: ObservedVirtualServer | undefined;
  /**
   * No server in the table has a weight. Undefined as long as that is expected: after a start, until all servers were
   * checked, or cannot be.
   */
  readonly isEmpty: boolean | undefined;
  readonly counts: Counts;
  readonly trouble: Trouble;
}

/** The result of a supervisor's step: what it learned, and what it is to emit. */
export interface Step {
  readonly changes: Partial<VirtualServerContext>;
  readonly events: readonly CareEvent[];
}

/** See `probe.suspicious`. */
export interface Suspicion {
  readonly sinceMs: number;
  readonly servers: readonly string[];
  readonly reason: string;
}

/** When a supervisor's rounds are and may be, on its clock. */
export interface Pace {
  /** When the running round began, or the last one. */
  readonly beganMs: number;
  /** How long the last round took that did not read the table, or failed. */
  readonly tookMs: number;
  /** When the last round ended. */
  readonly endedMs: number;
  /** When to read the table again. */
  readonly readAtMs: number;
  /** The last round read the table and found it as it should be. */
  readonly wasQuiet: boolean;
}

/** Of rounds, since the start. */
export interface Counts {
  readonly applies: number;
  readonly repairs: number;
  /** When others' changes were repaired, as far back as `RECURRING`. */
  readonly repairTimesMs: readonly number[];
}

export interface Trouble {
  /** In a row. */
  readonly failedAttempts: number;
  /** Nothing could be written since then. */
  readonly failing: { readonly sinceMs: number; readonly message: string } | undefined;
  readonly lastError: { readonly atMs: number; readonly message: string } | undefined;
}

/** All members as the last round saw them. */
export interface SeenMembers {
  readonly members: VirtualServerContext["members"];
  readonly all: readonly SeenMember[];
}

/** The source of a member's state: while it stays the same, so does the state. */
export interface SeenMember {
  readonly name: string;
  readonly member: Member;
  readonly health: RealServerContext;
  readonly state: MemberState;
}
