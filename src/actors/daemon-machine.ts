import { emit, sendTo, setup, stopChild, type ActorRefFrom } from "xstate";
import type { ReachEvent } from "../domain/events.ts";
import type { ReachMachine } from "./reach-machine.ts";
import type { AdoptionReport, ConfigurationRequest, VirtualServerInput } from "./virtual-server-context.ts";
import type { VirtualServerMachine } from "./virtual-server-machine.ts";

export type DaemonMachine = ReturnType<typeof createDaemonMachine>;

export type DaemonActor = ActorRefFrom<DaemonMachine>;

type Configure = Extract<ConfigurationRequest, { type: "configure" }>;

/** The actors that it starts. */
export interface DaemonPorts {
  readonly virtualServer: VirtualServerMachine;
  readonly reach: ReachMachine;
}

/**
 * The root. Starts the supervisor and, once that cares for the virtual server, the actor that keeps the host's way to
 * the virtual address. Passes on what is asked of the virtual server, and ends when the supervisor has ended. What a second signal means is
 * up to the process.
 */
export function createDaemonMachine(ports: DaemonPorts) {
  return setup({
    types: {
      input: {} as VirtualServerInput,
      context: {} as { readonly virtualServer: VirtualServerInput },
      events: {} as { readonly type: "shutdown" } | ConfigurationRequest | AdoptionReport,
      emitted: {} as ReachEvent,
      children: {} as { virtualServer: "virtualServer"; reach: "reach" },
    },
    actors: { ...ports },
    actions: {
      passOnShutdown: sendTo("virtualServer", { type: "shutdown" }),
      passOn: sendTo("virtualServer", (_, request: ConfigurationRequest) => request),
      tellInterval: sendTo("reach", (_, { configuration: { policy } }: Configure) => {
        return { type: "interval.changed" as const, intervalMs: policy.intervalMs };
      }),
      beginReach: sendTo("reach", { type: "begin" }),
      leaveReach: stopChild("reach"),
      emitReachBroken: emit((_, { error }: { error: unknown }) => ({
        type: "reach.failed" as const,
        object: "everything",
        error,
      })),
    },
  }).createMachine({
    id: "daemon",
    context: ({ input }) => ({ virtualServer: input }),
    invoke: [
      // No onError: a supervisor that broke ends the daemon with its error, and the service manager starts the daemon
      // again.
      {
        src: "virtualServer",
        id: "virtualServer",
        input: ({ context, self }) => ({ ...context.virtualServer, daemon: self }),
        onDone: ".stopped",
      },
      {
        src: "reach",
        id: "reach",
        input: ({ context: { virtualServer } }) => ({
          key: virtualServer.service,
          intervalMs: virtualServer.policy.intervalMs,
          now: virtualServer.now,
        }),
        // The virtual server is cared for even when this fails.
        onError: { actions: { type: "emitReachBroken", params: ({ event }) => ({ error: event.error }) } },
      },
    ],
    on: {
      configure: {
        actions: [
          { type: "passOn", params: ({ event }) => event },
          { type: "tellInterval", params: ({ event }) => event },
        ],
      },
      withdraw: { actions: { type: "passOn", params: ({ event }) => event } },
    },
    initial: "starting",
    states: {
      starting: {
        on: {
          "virtualServer.adopted": { target: "serving", actions: "beginReach" },
          shutdown: { target: "stopping", actions: "passOnShutdown" },
        },
      },
      serving: {
        on: { shutdown: { target: "stopping", actions: "passOnShutdown" } },
      },
      stopping: {
        entry: "leaveReach",
        // The one thing left to do is under way.
        on: { configure: {}, withdraw: {} },
      },
      stopped: { type: "final" },
    },
  });
}
