import { fromCallback, fromPromise } from "xstate";
import { checks, type ProbeObserver } from "../actors/checks.ts";
import { createDaemonMachine, type DaemonMachine } from "../actors/daemon-machine.ts";
import { createReachMachine, type HostChanged } from "../actors/reach-machine.ts";
import { reconcileReach } from "../actors/reconcile-reach.ts";
import { createVirtualServerMachine } from "../actors/virtual-server-machine.ts";
import { writer } from "../actors/writer.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { Reconciler } from "../dataplane/reconciler.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import type { CheckSchedule } from "../probe/check-schedule.ts";
import { NO_REACH, type Reach } from "./reach.ts";

/** The daemon's machine with its ports: the one place where machines meet a data plane, a check schedule and the host. */
export function careMachine(
  dataPlane: DataPlane,
  schedule: CheckSchedule,
  observe: ProbeObserver,
  { objects, watch }: Reach = NO_REACH,
): DaemonMachine {
  const virtualServer = createVirtualServerMachine({
    readTable: fromPromise(({ input }: { input: ServiceKey }) => dataPlane.read(input)),
    writer: writer(({ key, now }) => new Reconciler(dataPlane, key, now)),
    checks: checks(schedule, observe),
  });
  const reach = createReachMachine({
    reconcile: fromPromise(() => reconcileReach(objects)),
    watchHost: fromCallback<HostChanged, undefined>(({ sendBack }) => watch(() => sendBack({ type: "host.changed" }))),
  });
  return createDaemonMachine({ virtualServer, reach });
}
