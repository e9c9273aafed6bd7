import { fromCallback, type CallbackActorLogic } from "xstate";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { ProbeOutcome, Verdict } from "../domain/health.ts";
import type { CheckSchedule } from "../probe/check-schedule.ts";

export interface ProbeLoopInput {
  readonly target: Endpoint;
  readonly intervalMs: number;
}

export type ProbeLoopCommand =
  | {
      readonly type: "pace";
      readonly intervalMs: number;
      /** `changes`: only a verdict of another kind than the one before, since another of the same would decide nothing. */
      readonly tell: "all" | "changes";
    }
  | { readonly type: "probeNow" };

export type ProbeResult =
  | { readonly type: "probe.passed"; readonly verdict: Extract<Verdict, { passed: true }> }
  | { readonly type: "probe.failed"; readonly verdict: Extract<Verdict, { passed: false }> };

/** Hears the outcome of every probe of a real server, by its formatted endpoint, before any machine decides by it. */
export type ProbeObserver = (server: string, outcome: ProbeOutcome) => void;

/**
 * Has one real server probed for as long as it is invoked, and tells its parent the outcomes that matter to it. Every one of
 * them goes to `observe`: of a thousand good servers' checks the machines need to hear nothing.
 */
export function probeLoop(
  schedule: CheckSchedule,
  observe: ProbeObserver,
): CallbackActorLogic<ProbeLoopCommand, ProbeLoopInput> {
  return fromCallback(({ input, sendBack, receive }) => {
    let tell: "all" | "changes" = "all";
    let last: string | undefined;
    const server = formatEndpoint(input.target);
    const check = schedule.add(input.target, input.intervalMs, (outcome) => {
      observe(server, outcome);
      if (outcome.passed === undefined) return;
      const finding = outcome.passed ? "passed" : outcome.unreachable === true ? "unreachable" : "failed";
      if (finding !== last || tell === "all") sendBack(resultOf(outcome));
      last = finding;
    });
    receive((command) => {
      if (command.type === "probeNow") return check.probeNow();
      tell = command.tell;
      check.setInterval(command.intervalMs);
    });
    return () => check.stop();
  });
}

/** What the outcome of a probe is to those who listen. */
export function probeEvent(server: string, outcome: ProbeOutcome): CareEvent {
  if (outcome.passed === undefined) return { type: "realServer.unchecked", server, reason: outcome.reason };
  return { type: "realServer.probed", server, verdict: outcome };
}

// --- internal ---

function resultOf(outcome: Verdict): ProbeResult {
  return outcome.passed ? { type: "probe.passed", verdict: outcome } : { type: "probe.failed", verdict: outcome };
}
