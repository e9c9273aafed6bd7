import type { ActorRef, Snapshot } from "xstate";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { Hold, Holds } from "../domain/hold.ts";
import type { HealthPolicy } from "../domain/health-policy.ts";
import type { DesiredVirtualServer } from "../domain/plan.ts";
import type { ObservedVirtualServer, RealServer, VirtualServer } from "../domain/virtual-server.ts";
import type { FailOpen } from "./fail-open.ts";
import type { adoptedState, Departure, MemberState } from "./desired-state.ts";
import type { LastResort } from "./last-resort.ts";
import type { Releases } from "./releases.ts";
import type { RealServerActor, RealServerContext, RealServerInput } from "./real-server-machine.ts";

export interface AdoptionReport {
  readonly type: "virtualServer.adopted";
}

export interface VirtualServerInput {
  readonly service: VirtualServer;
  readonly realServers: readonly RealServer[];
  readonly policy: HealthPolicy;
  readonly initState: "down" | "up";
  readonly foreign: DesiredVirtualServer["foreign"];
  readonly cleanupOnExit: boolean;
  /** What operators asked for before this start. */
  readonly holds: Holds;
  /** Hears once that the table was taken over and caring begins. */
  readonly daemon?: ActorRef<Snapshot<unknown>, AdoptionReport> | undefined;
  readonly now: () => number;
}

export interface Member extends Pick<MemberState, "server" | "drained"> {
  readonly ref: RealServerActor;
  readonly hold: Hold | undefined;
}

export interface VirtualServerContext extends VirtualServerInput {
  readonly checks: RealServerInput["checks"];
  /** By formatted endpoint, as the ids of the children. */
  readonly members: ReadonlyMap<string, Member>;
  readonly seen: SeenMembers;
  readonly departures: ReadonlyMap<string, Departure>;
  readonly failOpen: FailOpen | undefined;
  readonly lastResort: LastResort | undefined;
  /** Those whom fail-open or the last resort held until it ended, or until it no longer held them. */
  readonly releases: Releases;
  /** When others' changes were repaired, as far back as `RECURRING`. */
  readonly repairTimesMs: readonly number[];
  /** Something changed since the last round took its desired state. */
  readonly dirty: boolean;
  readonly stopping: boolean;
  /** What the running round, or the last one, is to establish. */
  readonly wanted: DesiredVirtualServer | undefined;
  readonly established: DesiredVirtualServer | undefined;
  /** What stands, as far as this process knows; undefined when it does not. */
  readonly known: ObservedVirtualServer | undefined;
  /** The running round, or the last one, reads the table even where it is known. */
  readonly mustRead: boolean;
  /** When the last round began that read the table, and how long it took. */
  readonly read: { readonly atMs: number; readonly tookMs: number };
  /** Removals wait for a round that reads. */
  readonly isPostponed: boolean;
  /** The last round read the table and found it as it should be. */
  readonly isQuiet: boolean;
  readonly observed: ObservedVirtualServer | undefined;
  readonly applies: number;
  readonly repairs: number;
  readonly failedAttempts: number;
  /** When the running round began, or the last one. */
  readonly roundAtMs: number;
  /** How long the last round took that did not read the table, or failed. */
  readonly roundMs: number;
  /** When the last round ended. */
  readonly endedAtMs: number;
  /** Nothing could be written since then. */
  readonly failing: { readonly sinceMs: number; readonly message: string } | undefined;
  /** Nobody in the table has a weight; undefined as long as nothing else could be expected: at a start, until everyone was checked. */
  readonly isEmpty: boolean | undefined;
  readonly lastError: { readonly atMs: number; readonly message: string } | undefined;
}

/** What the last round saw of all members. */
export interface SeenMembers {
  readonly members: VirtualServerContext["members"];
  readonly all: readonly SeenMember[];
}

/** What a member's state was taken from; as long as that is the same, so is the state. */
export interface SeenMember {
  readonly name: string;
  readonly member: Member;
  readonly health: RealServerContext;
  readonly state: MemberState;
}

/** So many repairs within so long a time are no accident: somebody keeps at it. */
export const RECURRING = { repairs: 3, withinMs: 60_000 } as const;

/** What a real server's machine is started with. */
export function memberInput(
  context: VirtualServerContext,
  supervisor: RealServerInput["supervisor"],
  server: RealServer,
  first: ReturnType<typeof adoptedState> & Pick<RealServerInput, "served">,
): RealServerInput {
  return {
    server: formatEndpoint(server.endpoint),
    target: server.endpoint,
    supervisor,
    checks: context.checks,
    initial: first.state,
    unproven: first.unproven,
    served: first.served,
    policy: context.policy,
    now: context.now,
  };
}
