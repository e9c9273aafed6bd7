import { sendTo, setup, type ActorRefFrom } from "xstate";
import type { AdoptionReport, VirtualServerInput } from "./virtual-server-context.ts";
import { virtualServerMachine } from "./virtual-server-machine.ts";

export type DaemonActor = ActorRefFrom<typeof daemonMachine>;

/**
 * The root: starts the supervisor, hands it the shutdown and ends when it has. What a second signal means is the process's affair.
 */
export const daemonMachine = setup({
  types: {
    input: {} as VirtualServerInput,
    context: {} as { readonly virtualServer: VirtualServerInput },
    events: {} as { readonly type: "shutdown" } | AdoptionReport,
    children: {} as { virtualServer: "virtualServer" },
  },
  actors: { virtualServer: virtualServerMachine },
  actions: { passOnShutdown: sendTo("virtualServer", { type: "shutdown" }) },
}).createMachine({
  id: "daemon",
  context: ({ input }) => ({ virtualServer: input }),
  // No onError: a supervisor that broke ends the daemon with its error, and whoever started the daemon starts it again.
  invoke: {
    src: "virtualServer",
    id: "virtualServer",
    input: ({ context, self }) => ({ ...context.virtualServer, daemon: self }),
    onDone: ".stopped",
  },
  initial: "starting",
  states: {
    starting: {
      on: {
        "virtualServer.adopted": "serving",
        shutdown: { target: "stopping", actions: "passOnShutdown" },
      },
    },
    serving: {
      on: { shutdown: { target: "stopping", actions: "passOnShutdown" } },
    },
    stopping: {},
    stopped: { type: "final" },
  },
});
