import { fromPromise } from "xstate";
import { applyPlan, type ApplyInput } from "../actors/apply-plan.ts";
import { daemonMachine } from "../actors/daemon-machine.ts";
import { probeLoop, type ProbeObserver } from "../actors/probe-loop.ts";
import { realServerMachine } from "../actors/real-server-machine.ts";
import { virtualServerMachine } from "../actors/virtual-server-machine.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import type { CheckSchedule } from "../probe/check-schedule.ts";

/** The daemon's machine with its ports provided: the one place where machines meet a data plane and a check schedule. */
export function careMachine(
  dataPlane: DataPlane,
  schedule: CheckSchedule,
  observe: ProbeObserver,
): typeof daemonMachine {
  const virtualServer = virtualServerMachine.provide({
    actors: {
      readTable: fromPromise(({ input }: { input: ServiceKey }) => dataPlane.read(input)),
      applyPlan: fromPromise(({ input }: { input: ApplyInput }) => applyPlan(dataPlane, input)),
      realServer: realServerMachine.provide({ actors: { probeLoop: probeLoop(schedule, observe) } }),
    },
  });
  return daemonMachine.provide({ actors: { virtualServer } });
}
