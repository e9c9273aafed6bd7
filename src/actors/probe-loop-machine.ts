import { assign, sendTo, setup, type ActorRef, type Snapshot } from "xstate";
import type { Endpoint } from "../domain/endpoint.ts";
import type { ProbeOutcome } from "../domain/health.ts";
import { unprovided } from "./unprovided.ts";

export type ProbeResult =
  | { readonly type: "check.skipped"; readonly reason: string }
  | { readonly type: "probe.passed"; readonly verdict: Extract<ProbeOutcome, { passed: true }> }
  | { readonly type: "probe.failed"; readonly verdict: Extract<ProbeOutcome, { passed: false }> };

export interface ProbeInput {
  readonly target: Endpoint;
}

export interface ProbeLoopInput extends ProbeInput {
  readonly listener: ActorRef<Snapshot<unknown>, ProbeResult>;
  /** From the start of one probe to the start of the next; a probe that takes longer is followed by the next one at once. */
  readonly intervalMs: number;
  readonly firstDelayMs: number;
  /** Milliseconds of the clock that the actor system's timers run on. */
  readonly now: () => number;
}

interface ProbeLoopContext extends ProbeLoopInput {
  readonly startedAtMs: number;
}

/** Probes one real server for as long as it is invoked, and tells each verdict to its listener. */
export const probeLoopMachine = setup({
  types: {
    input: {} as ProbeLoopInput,
    context: {} as ProbeLoopContext,
    events: {} as { readonly type: "probeNow" },
  },
  actors: {
    probe: unprovided<ProbeOutcome, ProbeInput>("probe"),
  },
  actions: {
    noteStart: assign({ startedAtMs: ({ context }) => context.now() }),
    tell: sendTo(
      ({ context }) => context.listener,
      (_, outcome: ProbeOutcome) => resultOf(outcome),
    ),
  },
  delays: {
    firstDelay: ({ context }) => context.firstDelayMs,
    // Never more than an interval, whatever a clock may say.
    restOfInterval: ({ context }) =>
      Math.min(context.intervalMs, Math.max(0, context.startedAtMs + context.intervalMs - context.now())),
  },
}).createMachine({
  id: "probeLoop",
  context: ({ input }) => ({ ...input, startedAtMs: 0 }),
  initial: "starting",
  states: {
    starting: {
      after: { firstDelay: "probing" },
      on: { probeNow: "probing" },
    },
    probing: {
      entry: "noteStart",
      invoke: {
        src: "probe",
        input: ({ context }) => ({ target: context.target }),
        onDone: { target: "waiting", actions: { type: "tell", params: ({ event }) => event.output } },
        // A prober never rejects; should one do so all the same, its server has not shown that it works.
        onError: {
          target: "waiting",
          actions: {
            type: "tell",
            params: ({ event }) => ({ passed: false, reason: `probe broke: ${String(event.error)}`, latencyMs: 0 }),
          },
        },
      },
    },
    waiting: {
      after: { restOfInterval: "probing" },
      on: { probeNow: "probing" },
    },
  },
});

// --- internal ---

function resultOf(outcome: ProbeOutcome): ProbeResult {
  if (outcome.passed === undefined) return { type: "check.skipped", reason: outcome.reason };
  return outcome.passed ? { type: "probe.passed", verdict: outcome } : { type: "probe.failed", verdict: outcome };
}
