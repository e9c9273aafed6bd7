import { assertEvent, assign, enqueueActions, setup, type ActorRef, type ActorRefFrom, type Snapshot } from "xstate";
import type { Endpoint } from "../domain/endpoint.ts";
import type { RealServerState, Verdict } from "../domain/health.ts";
import { probeLoopMachine, type ProbeResult } from "./probe-loop-machine.ts";

/** What a real server tells its supervisor. */
export type RealServerReport =
  | ({ readonly type: "realServer.changed"; readonly server: string } & Transition)
  | { readonly type: "realServer.probed"; readonly server: string; readonly verdict: Verdict }
  | { readonly type: "realServer.unchecked"; readonly server: string; readonly reason: string };

export interface Transition {
  readonly from: RealServerState;
  readonly to: RealServerState;
  readonly reason: string;
  readonly atMs: number;
}

export interface RealServerInput {
  /** Its formatted endpoint: what it is called in reports. */
  readonly server: string;
  readonly target: Endpoint;
  readonly supervisor: ActorRef<Snapshot<unknown>, RealServerReport>;
  readonly initial: RealServerState;
  /** Never seen by clients yet: its first good check is enough, whatever `rise` says. */
  readonly unproven: boolean;
  /** Failures in a row that take a healthy server out. */
  readonly fall: number;
  /** Passes in a row that bring it back. */
  readonly rise: number;
  readonly intervalMs: number;
  readonly firstDelayMs: number;
  readonly now: () => number;
}

interface RealServerContext extends RealServerInput {
  readonly passes: number;
  readonly failures: number;
  /** A check of ours found it good, ever. */
  readonly everPassed: boolean;
  readonly reported: RealServerState;
  readonly sinceMs: number;
  readonly lastVerdict: (Verdict & { readonly atMs: number }) | undefined;
  readonly lastTransition: Transition | undefined;
}

export type RealServerActor = ActorRefFrom<typeof realServerMachine>;

/**
 * The health of one real server, as a pure decision: verdicts in, states out. It never touches the data plane; it reports to its
 * supervisor, and its tags say what the state means there: `routable` full weight, `programmed` present, neither: absent.
 */
export const realServerMachine = setup({
  types: {
    input: {} as RealServerInput,
    context: {} as RealServerContext,
    events: {} as ProbeResult,
    tags: {} as "routable" | "programmed",
  },
  actors: { probeLoop: probeLoopMachine },
  actions: {
    noteVerdict: assign(({ context, event }) => {
      assertEvent(event, ["probe.passed", "probe.failed"]);
      return {
        passes: event.verdict.passed ? context.passes + 1 : 0,
        failures: event.verdict.passed ? 0 : context.failures + 1,
        everPassed: context.everPassed || event.verdict.passed,
        lastVerdict: { ...event.verdict, atMs: context.now() },
      };
    }),
    tellVerdict: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, ["probe.passed", "probe.failed"]);
      enqueue.sendTo(context.supervisor, {
        type: "realServer.probed",
        server: context.server,
        verdict: event.verdict,
      });
    }),
    tellSkipped: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, "check.skipped");
      enqueue.sendTo(context.supervisor, {
        type: "realServer.unchecked",
        server: context.server,
        reason: event.reason,
      });
    }),
    report: enqueueActions(({ context, enqueue }, { to }: { to: RealServerState }) => {
      if (to === context.reported) return;
      const transition: Transition = {
        from: context.reported,
        to,
        reason: context.lastVerdict?.reason ?? "start",
        atMs: context.now(),
      };
      enqueue.assign({ reported: to, sinceMs: transition.atMs, lastTransition: transition });
      enqueue.sendTo(context.supervisor, { type: "realServer.changed", server: context.server, ...transition });
    }),
  },
  guards: {
    startsAs: ({ context }, state: RealServerState) => context.initial === state,
    hasFallen: ({ context }) => context.failures >= context.fall,
    hasRisen: ({ context }) => context.passes >= (context.unproven ? 1 : context.rise),
    isStillRising: ({ context }) => context.passes < (context.unproven ? 1 : context.rise),
  },
}).createMachine({
  id: "realServer",
  context: ({ input }) => ({
    ...input,
    passes: 0,
    failures: 0,
    everPassed: false,
    reported: input.initial,
    sinceMs: input.now(),
    lastVerdict: undefined,
    lastTransition: undefined,
  }),
  // No onError: a loop that broke must end this actor too, so that the supervisor starts both anew. Silence would look like health.
  invoke: {
    src: "probeLoop",
    id: "probeLoop",
    input: ({ context, self }) => ({
      target: context.target,
      listener: self,
      intervalMs: context.intervalMs,
      firstDelayMs: context.firstDelayMs,
      now: context.now,
    }),
  },
  // A check that this host had not the means for says nothing about the server: no state hears of it.
  on: { "check.skipped": { actions: "tellSkipped" } },
  initial: "starting",
  states: {
    starting: {
      always: [
        { guard: { type: "startsAs", params: "healthy" }, target: "healthy" },
        { guard: { type: "startsAs", params: "draining" }, target: "draining" },
        { guard: { type: "startsAs", params: "removed" }, target: "removed" },
        { target: "recovering" },
      ],
    },
    healthy: {
      tags: ["routable", "programmed"],
      entry: [assign({ unproven: false }), { type: "report", params: { to: "healthy" } }],
      always: { guard: "hasFallen", target: "draining" },
      on: { "probe.*": { actions: ["noteVerdict", "tellVerdict"] } },
    },
    draining: {
      tags: ["programmed"],
      entry: { type: "report", params: { to: "draining" } },
      always: { guard: "hasRisen", target: "healthy" },
      on: {
        "probe.passed": { actions: ["noteVerdict", "tellVerdict"] },
        "probe.failed": { target: "removed", actions: ["noteVerdict", "tellVerdict"] },
      },
    },
    removed: {
      entry: { type: "report", params: { to: "removed" } },
      on: {
        "probe.passed": { target: "recovering", actions: ["noteVerdict", "tellVerdict"] },
        "probe.failed": { actions: ["noteVerdict", "tellVerdict"] },
      },
    },
    recovering: {
      // With `rise 1` this state is passed through within one step: only those that stay are worth a report.
      entry: enqueueActions(({ enqueue, check }) => {
        if (check("isStillRising")) enqueue({ type: "report", params: { to: "recovering" } });
      }),
      always: { guard: "hasRisen", target: "healthy" },
      on: {
        "probe.passed": { actions: ["noteVerdict", "tellVerdict"] },
        "probe.failed": { target: "removed", actions: ["noteVerdict", "tellVerdict"] },
      },
    },
  },
});
