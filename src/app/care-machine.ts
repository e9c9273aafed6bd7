import { fromCallback, fromPromise } from "xstate";
import { checks, type CheckPorts, type ProbeObserver } from "../actors/checks.ts";
import { createDaemonMachine, type DaemonMachine } from "../actors/daemon-machine.ts";
import { createReachMachine, type HostChanged } from "../actors/reach-machine.ts";
import { createVirtualServerMachine } from "../actors/virtual-server-machine.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { Reconciler } from "../dataplane/reconciler.ts";
import { QuietWatch, type WatchClock } from "../dataplane/quiet-watch.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import type { CheckSchedule } from "../probe/schedule/check-schedule.ts";
import type { KeptReach } from "./live-reach.ts";
import { NO_REACH } from "./reach.ts";

/** What the machines of one virtual server meet. */
export interface CareSurface extends CheckPorts {
  readonly dataPlane: DataPlane;
  readonly reach: KeptReach;
}

/**
 * The daemon's machine with its ports, for any number of virtual servers: the one place where machines meet a data
 * plane, a check schedule and the host. `looks` reads the tables of those that are quiet; without it each does so itself.
 */
export function careMachineFor(surfaceOf: (key: ServiceKey) => CareSurface, looks?: QuietWatch): DaemonMachine {
  const virtualServer = createVirtualServerMachine({
    readTable: fromPromise(({ input }: { input: ServiceKey }) => surfaceOf(input).dataPlane.read(input)),
    openRounds: ({ key, now }, deviates) =>
      new Reconciler(surfaceOf(key).dataPlane, key, now, looks && { looks, deviates }),
    checks: checks(surfaceOf),
  });
  const reach = createReachMachine({
    reconcile: fromPromise(({ input }: { input: ServiceKey }) => surfaceOf(input).reach.reconcile()),
    watchHost: fromCallback<HostChanged, ServiceKey>(({ input, sendBack }) =>
      surfaceOf(input).reach.watch(() => sendBack({ type: "host.changed" })),
    ),
    isWatched: (key) => surfaceOf(key).reach.isQuiet,
  });
  return createDaemonMachine({ virtualServer, reach });
}

/** The same for one virtual server whose host is left alone. */
export function careMachine(
  dataPlane: DataPlane,
  schedule: CheckSchedule,
  observe: ProbeObserver,
  clock?: WatchClock,
): DaemonMachine {
  const reach = { reconcile: () => Promise.resolve([]), watch: NO_REACH.watch, isQuiet: false };
  return careMachineFor(() => ({ dataPlane, schedule, observe, reach }), clock && new QuietWatch(clock));
}
