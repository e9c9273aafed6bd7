import { fromCallback, fromPromise } from "xstate";
import { checks, type ProbeObserver } from "../actors/checks.ts";
import { createDaemonMachine, type DaemonMachine } from "../actors/daemon-machine.ts";
import { createReachMachine, type HostChanged } from "../actors/reach-machine.ts";
import { createVirtualServerMachine } from "../actors/virtual-server-machine.ts";
import { writer } from "../actors/writer.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { Reconciler } from "../dataplane/reconciler.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import type { CheckSchedule } from "../probe/check-schedule.ts";
import type { KeptReach } from "./live-reach.ts";
import { NO_REACH } from "./reach.ts";

/** The daemon's machine with its ports: the one place where machines meet a data plane, a check schedule and the host. */
export function careMachine(
  dataPlane: DataPlane,
  schedule: CheckSchedule,
  observe: ProbeObserver,
  reach: KeptReach = { reconcile: () => Promise.resolve([]), watch: NO_REACH.watch },
): DaemonMachine {
  const virtualServer = createVirtualServerMachine({
    readTable: fromPromise(({ input }: { input: ServiceKey }) => dataPlane.read(input)),
    writer: writer(({ key, now }) => new Reconciler(dataPlane, key, now)),
    checks: checks(schedule, observe),
  });
  const reachMachine = createReachMachine({
    reconcile: fromPromise(() => reach.reconcile()),
    watchHost: fromCallback<HostChanged, undefined>(({ sendBack }) =>
      reach.watch(() => sendBack({ type: "host.changed" })),
    ),
  });
  return createDaemonMachine({ virtualServer, reach: reachMachine });
}
