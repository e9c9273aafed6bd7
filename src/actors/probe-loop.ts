import { fromCallback, type CallbackActorLogic } from "xstate";
import type { Endpoint } from "../domain/endpoint.ts";
import type { ProbeOutcome } from "../domain/health.ts";
import type { CheckSchedule } from "../probe/check-schedule.ts";

export interface ProbeLoopInput {
  readonly target: Endpoint;
  readonly intervalMs: number;
}

export type ProbeLoopCommand = { readonly type: "pace"; readonly intervalMs: number } | { readonly type: "probeNow" };

export type ProbeResult =
  | { readonly type: "check.skipped"; readonly reason: string }
  | { readonly type: "probe.passed"; readonly verdict: Extract<ProbeOutcome, { passed: true }> }
  | { readonly type: "probe.failed"; readonly verdict: Extract<ProbeOutcome, { passed: false }> };

/** Has one real server probed for as long as it is invoked, and tells each outcome to its parent. */
export function probeLoop(schedule: CheckSchedule): CallbackActorLogic<ProbeLoopCommand, ProbeLoopInput> {
  return fromCallback(({ input, sendBack, receive }) => {
    const check = schedule.add(input.target, input.intervalMs, (outcome) => sendBack(resultOf(outcome)));
    receive((command) => {
      if (command.type === "pace") check.setInterval(command.intervalMs);
      else check.probeNow();
    });
    return () => check.stop();
  });
}

// --- internal ---

function resultOf(outcome: ProbeOutcome): ProbeResult {
  if (outcome.passed === undefined) return { type: "check.skipped", reason: outcome.reason };
  return outcome.passed ? { type: "probe.passed", verdict: outcome } : { type: "probe.failed", verdict: outcome };
}
