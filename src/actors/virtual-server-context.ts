import type { ActorRef, Snapshot } from "xstate";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { DesiredVirtualServer } from "../domain/plan.ts";
import type { ObservedVirtualServer, RealServer, VirtualServer } from "../domain/virtual-server.ts";
import type { adoptedState, Departure, MemberState } from "./desired-state.ts";
import type { RealServerActor, RealServerInput } from "./real-server-machine.ts";

export interface AdoptionReport {
  readonly type: "virtualServer.adopted";
}

export interface VirtualServerInput {
  readonly service: VirtualServer;
  readonly realServers: readonly RealServer[];
  readonly intervalMs: number;
  readonly fall: number;
  readonly rise: number;
  readonly initState: "down" | "up";
  readonly foreign: DesiredVirtualServer["foreign"];
  readonly cleanupOnExit: boolean;
  /** Hears once that the table was taken over and caring begins. */
  readonly daemon?: ActorRef<Snapshot<unknown>, AdoptionReport> | undefined;
  readonly now: () => number;
}

export interface Member {
  readonly server: RealServer;
  readonly ref: RealServerActor;
}

export interface VirtualServerContext extends VirtualServerInput {
  /** By formatted endpoint, as the ids of the children. */
  readonly members: Readonly<Record<string, Member>>;
  readonly departures: Readonly<Record<string, Departure>>;
  /** Something changed since the last round took its desired state. */
  readonly dirty: boolean;
  readonly stopping: boolean;
  /** What the running round, or the last one, is to establish. */
  readonly wanted: DesiredVirtualServer | undefined;
  readonly established: DesiredVirtualServer | undefined;
  readonly observed: ObservedVirtualServer | undefined;
  readonly applies: number;
  readonly repairs: number;
  readonly failedAttempts: number;
  readonly lastError: { readonly atMs: number; readonly message: string } | undefined;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;

/** What a real server's machine is started with. */
export function memberInput(
  context: VirtualServerContext,
  supervisor: RealServerInput["supervisor"],
  server: RealServer,
  first: ReturnType<typeof adoptedState>,
  firstDelayMs: number,
): RealServerInput {
  return {
    server: formatEndpoint(server.endpoint),
    target: server.endpoint,
    supervisor,
    initial: first.state,
    unproven: first.unproven,
    fall: context.fall,
    rise: context.rise,
    intervalMs: context.intervalMs,
    firstDelayMs,
    now: context.now,
  };
}

/** Health as the real server itself last reported it; read where it is needed, so that no copy can go stale. */
export function memberState(member: Member, initState: VirtualServerInput["initState"]): MemberState {
  const { reported, everPassed } = member.ref.getSnapshot().context;
  return { server: member.server, state: reported, proven: everPassed || initState === "up" };
}

/** Doubles from attempt to attempt up to its cap. */
export function retryDelayMs(failedAttempts: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failedAttempts - 1));
}
