import { fromPromise } from "xstate";
import { applyPlan, type ApplyInput } from "../actors/apply-plan.ts";
import { daemonMachine } from "../actors/daemon-machine.ts";
import { probeLoopMachine, type ProbeInput } from "../actors/probe-loop-machine.ts";
import { realServerMachine } from "../actors/real-server-machine.ts";
import { virtualServerMachine } from "../actors/virtual-server-machine.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import type { ProbeOutcome } from "../domain/health.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import type { Prober } from "../probe/prober.ts";

/** The daemon's machine with its ports provided: the one place where machines meet a data plane and a prober. */
export function careMachine(dataPlane: DataPlane, prober: Prober): typeof daemonMachine {
  const probeLoop = probeLoopMachine.provide({
    actors: {
      probe: fromPromise<ProbeOutcome, ProbeInput>(({ input, signal }) => prober.probe(input.target, signal)),
    },
  });
  const virtualServer = virtualServerMachine.provide({
    actors: {
      readTable: fromPromise(({ input }: { input: ServiceKey }) => dataPlane.read(input)),
      applyPlan: fromPromise(({ input }: { input: ApplyInput }) => applyPlan(dataPlane, input)),
      realServer: realServerMachine.provide({ actors: { probeLoop } }),
    },
  });
  return daemonMachine.provide({ actors: { virtualServer } });
}
