import {
  assertEvent,
  assign,
  enqueueActions,
  sendTo,
  setup,
  type ActorRef,
  type ActorRefFrom,
  type Snapshot,
  type SnapshotFrom,
} from "xstate";
import type { History } from "../desired/member.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import type { HealthPolicy } from "../domain/health-policy.ts";
import type { AskedOf, RealServerState, Verdict, WeightAdvice } from "../domain/health.ts";
import type { CheckCommand, CheckListener, CheckResult, Telling } from "./checks.ts";

/** A real server's reports to its supervisor. */
export type RealServerReport =
  | ({ readonly type: "realServer.changed"; readonly server: string } & Transition)
  /** Its weight climbs one step, or its check asks for another one. */
  | { readonly type: "realServer.reweighed"; readonly server: string }
  /** Out of service, it began to take connections, or ceased to: as a last resort that matters. */
  | { readonly type: "realServer.reachabilityChanged"; readonly server: string };

export interface Transition {
  readonly from: RealServerState;
  readonly to: RealServerState;
  readonly reason: string;
  readonly verdict: Verdict | undefined;
  readonly atMs: number;
}

export interface RealServerInput {
  /** Its formatted endpoint: its name in reports. */
  readonly server: string;
  readonly target: Endpoint;
  readonly supervisor: ActorRef<Snapshot<unknown>, RealServerReport>;
  /** Starts its checks. The machine that spawned this one stops them. */
  readonly checks: ActorRef<Snapshot<unknown>, CheckCommand>;
  readonly initial: RealServerState;
  /** Clients have never used it: one good check is enough, whatever `rise` says, and it gets its full weight. */
  readonly unproven: boolean;
  /** What it has been until now. */
  readonly history: History;
  readonly policy: HealthPolicy;
  readonly now: () => number;
}

/** Which of the policy's intervals its checks keep: the usual one, that of a doubt, or that of a removed server. */
export type Pace = "steady" | "fast" | "slow";

export interface RealServerContext extends RealServerInput {
  readonly passes: number;
  readonly failures: number;
  /** Open connections as last counted while it drains; undefined when they were not counted. */
  readonly connections: number | undefined;
  /** It drains because it said that it is shutting down, and has not failed as often since then as counts. */
  readonly isLeaving: boolean;
  /** Steps climbed of `RAMP_STEPS`; 0 when it does not climb. */
  readonly rampStep: number;
  /** What its checks were last set to: the pace, the interval by that, and the kind of reports. */
  readonly pace: Pace;
  readonly intervalMs: number;
  readonly tell: Telling;
  readonly startedMs: number;
  /** What its last good check asked for: a failed one takes nothing of that back. */
  readonly advice: WeightAdvice | undefined;
  /** What its last check asked for besides. */
  readonly asked: AskedOf | undefined;
  /** The last verdict that was sent: see `Telling`. */
  readonly lastVerdict: Verdict | undefined;
  /** Its current state, for all readers: see `stateOf`. */
  readonly lastTransition: Transition | undefined;
}

export type RealServerActor = ActorRefFrom<typeof realServerMachine>;

/** A slow start climbs to the full weight in this many steps. */
export const RAMP_STEPS = 10;

/**
 * The health of one real server, as a pure decision: verdicts in, states out. It never touches the data plane; it reports to its
 * supervisor, and what a state means in the table is decided in `desired/weight.ts`.
 */
export const realServerMachine = setup({
  types: {
    input: {} as RealServerInput,
    context: {} as RealServerContext,
    events: {} as
      | CheckResult
      /** Undefined: it had a weight since then, and may have new clients. */
      | { readonly type: "connections.counted"; readonly active: number | undefined }
      | { readonly type: "check.requested" }
      /** From now on: what was counted still counts. */
      | { readonly type: "policy.changed"; readonly policy: HealthPolicy },
  },
  actions: {
    startChecks: sendTo(
      ({ context }) => context.checks,
      ({ context, self }) => startCommand(context, self),
    ),
    /** Without checks it must end, so that the supervisor starts a new one: silence would look like health. */
    fail: ({ event }) => {
      assertEvent(event, "checks.broke");
      throw event.error;
    },
    noteVerdict: assign(({ context, event }) => {
      assertEvent(event, ["probe.passed", "probe.failed", "probe.leaving"]);
      const { verdict } = event;
      const isFailure = event.type === "probe.failed";
      const failures = isFailure ? context.failures + 1 : 0;
      return {
        passes: verdict.passed ? context.passes + 1 : 0,
        failures,
        isLeaving: event.type === "probe.leaving" || (isFailure && context.isLeaving && !falls(context, verdict)),
        ...(verdict.passed && { history: "proven" as const, advice: verdict.advice }),
        asked: verdict.asked,
        lastVerdict: verdict,
      };
    }),
    tellReachability: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, ["probe.passed", "probe.failed", "probe.leaving"]);
      if (isReached(event.verdict) !== (context.lastVerdict !== undefined && isReached(context.lastVerdict)))
        enqueue.sendTo(context.supervisor, { type: "realServer.reachabilityChanged", server: context.server });
    }),
    tellAdvice: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, "probe.passed");
      const { advice, asked } = event.verdict;
      if (!Bun.deepEquals(advice, context.advice) || !Bun.deepEquals(asked, context.asked))
        enqueue.sendTo(context.supervisor, { type: "realServer.reweighed", server: context.server });
    }),
    checkNow: sendTo(
      ({ context }) => context.checks,
      ({ context: { server } }): CheckCommand => ({ type: "probeNow", server }),
    ),
    noteConnections: assign(({ event }) => {
      assertEvent(event, "connections.counted");
      return { connections: event.active };
    }),
    climb: enqueueActions(({ context, enqueue }) => {
      const rampStep = context.rampStep + 1;
      enqueue.assign({ rampStep });
      // The last step makes it healthy, and is reported as that.
      if (rampStep < RAMP_STEPS)
        enqueue.sendTo(context.supervisor, { type: "realServer.reweighed", server: context.server });
    }),
    pace: enqueueActions(({ context, enqueue }, { pace, tell = "all" }: Pacing) => {
      const command = paceCommand(context, pace, tell);
      if (pace !== context.pace || command !== undefined)
        enqueue.assign({ pace, tell, intervalMs: intervalFor(context, pace) });
      if (command !== undefined) enqueue.sendTo(context.checks, command);
    }),
    /** No count reaches a threshold by this alone: that takes one more verdict. */
    takePolicy: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, "policy.changed");
      const { policy } = event;
      const { passes, failures, pace, tell } = context;
      const intervalMs = intervalFor({ ...context, policy }, pace);
      enqueue.assign({
        policy,
        intervalMs,
        passes: Math.min(passes, policy.rise - 1),
        failures: Math.min(failures, policy.fall - 1),
      });
      if (intervalMs !== context.intervalMs)
        enqueue.sendTo(context.checks, { type: "pace", server: context.server, intervalMs, tell });
    }),
    /**
     * It is in this state now. Tells the supervisor if that is news, and paces the checks. One action, because it
     * delays every write.
     */
    arrive: enqueueActions(({ context, enqueue }, { state, pace, tell = "all" }: Arrival) => {
      const from = stateOf(context);
      const transition: Transition | undefined =
        state === from
          ? undefined
          : {
              from,
              to: state,
              reason: context.lastVerdict?.reason ?? "start",
              verdict: context.lastVerdict,
              atMs: context.now(),
            };
      const command = paceCommand(context, pace, tell);
      enqueue.assign({
        ...atArrival(context, { state, pace, tell }),
        ...(transition && { lastTransition: transition }),
      });
      if (transition !== undefined)
        enqueue.sendTo(context.supervisor, { type: "realServer.changed", server: context.server, ...transition });
      if (command !== undefined) enqueue.sendTo(context.checks, command);
    }),
  },
  guards: {
    startsAs: ({ context }, state: RealServerState) => context.initial === state,
    falls: ({ context, event }) => {
      assertEvent(event, "probe.failed");
      return falls(context, event.verdict);
    },
    rises: ({ context, event }) => {
      assertEvent(event, "probe.passed");
      return context.passes + 1 >= context.policy.rise || event.verdict.atOnce === true;
    },
    hasRisen: ({ context }) => hasRisen(context),
    isStillRising: ({ context }) => !hasRisen(context),
    mustClimb: ({ context }) => hasRisen(context) && context.policy.slowStartMs > 0 && !context.unproven,
    hasClimbed: ({ context }) => context.rampStep >= RAMP_STEPS,
    isDrained: ({ context, event }) => {
      assertEvent(event, "probe.failed");
      const { policy, connections, now } = context;
      if (context.isLeaving && !falls(context, event.verdict)) return false;
      if (policy.drain === "next-check" || connections === 0) return true;
      return event.verdict.unreachable === true || now() - sinceMsOf(context) >= policy.drainTimeoutMs;
    },
  },
  delays: {
    rampPause: ({ context }) => context.policy.slowStartMs / RAMP_STEPS,
  },
}).createMachine({
  id: "realServer",
  context: ({ input }) => atTheStart(input),
  entry: "startChecks",
  on: {
    "check.requested": { actions: "checkNow" },
    "policy.changed": { actions: "takePolicy" },
    "checks.broke": { actions: "fail" },
  },
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
      entry: { type: "arrive", params: { state: "healthy", pace: "steady", tell: "changes" } },
      on: {
        "probe.passed": {
          actions: ["tellAdvice", "noteVerdict", { type: "pace", params: { pace: "steady", tell: "changes" } }],
        },
        "probe.leaving": { target: "draining", actions: "noteVerdict" },
        "probe.failed": [
          // Decided by the event itself, not in another step after it: nothing may delay weight 0.
          { guard: "falls", target: "draining", actions: "noteVerdict" },
          { actions: ["noteVerdict", { type: "pace", params: { pace: "fast" } }] },
        ],
      },
    },
    draining: {
      entry: { type: "arrive", params: { state: "draining", pace: "steady" } },
      on: {
        "connections.counted": { actions: "noteConnections" },
        "probe.passed": [
          { guard: "rises", target: "healthy", actions: "noteVerdict" },
          { actions: ["tellReachability", "noteVerdict", { type: "pace", params: { pace: "fast" } }] },
        ],
        "probe.leaving": {
          actions: ["tellReachability", "noteVerdict", { type: "pace", params: { pace: "steady" } }],
        },
        "probe.failed": [
          { guard: "isDrained", target: "removed", actions: "noteVerdict" },
          { actions: ["tellReachability", "noteVerdict", { type: "pace", params: { pace: "steady" } }] },
        ],
      },
    },
    removed: {
      entry: { type: "arrive", params: { state: "removed", pace: "slow", tell: "changes" } },
      on: {
        "probe.passed": { target: "recovering", actions: "noteVerdict" },
        "probe.leaving": { actions: ["tellReachability", "noteVerdict"] },
        "probe.failed": { actions: ["tellReachability", "noteVerdict"] },
      },
    },
    recovering: {
      initial: "proving",
      states: {
        proving: {
          // With `rise 1`, this state is left within the same step. Only a server that stays in it is reported.
          entry: enqueueActions(({ enqueue, check }) => {
            if (!check("isStillRising")) return;
            enqueue({ type: "arrive", params: { state: "recovering", pace: "fast" } });
          }),
          always: [
            { guard: "mustClimb", target: "climbing" },
            { guard: "hasRisen", target: "#realServer.healthy" },
          ],
          on: {
            "probe.passed": { actions: "noteVerdict" },
            "probe.leaving": { target: "#realServer.removed", actions: "noteVerdict" },
            "probe.failed": { target: "#realServer.removed", actions: "noteVerdict" },
          },
        },
        climbing: {
          entry: [{ type: "arrive", params: { state: "recovering", pace: "steady" } }, "climb"],
          always: { guard: "hasClimbed", target: "#realServer.healthy" },
          after: { rampPause: { target: "climbing", reenter: true } },
          on: {
            "probe.passed": { actions: ["tellAdvice", "noteVerdict"] },
            "probe.leaving": { target: "#realServer.draining", actions: "noteVerdict" },
            // It has connections by now: it drains as a healthy one would.
            "probe.failed": { target: "#realServer.draining", actions: "noteVerdict" },
          },
        },
      },
    },
  },
});

/**
 * The same machine, of which thousands start at once: all but the first in each state are made like that one, without
 * going through the steps that led it there. Those take longer than all else at the start of a virtual server.
 */
export function startedAlike(machine: typeof realServerMachine): typeof realServerMachine {
  const firsts = new Map<RealServerState, SnapshotFrom<typeof realServerMachine>>();
  const getInitialSnapshot: typeof machine.getInitialSnapshot = (scope, input) => {
    if (input === undefined) return machine.getInitialSnapshot(scope, input);
    const { initial: state, checks } = input;
    const first = firsts.get(state);
    if (first === undefined) {
      const snapshot = machine.getInitialSnapshot(scope, input);
      firsts.set(state, snapshot);
      return snapshot;
    }
    const { pace, tell } = first.context;
    const before = atTheStart(input);
    scope.defer(() => {
      checks.send(startCommand(before, scope.self));
      const command = paceCommand(before, pace, tell);
      if (command !== undefined) checks.send(command);
    });
    return { ...first, context: { ...before, ...atArrival(before, { state, pace, tell }) } };
  };
  return Object.assign(Object.create(machine) as typeof machine, { getInitialSnapshot });
}

/** The state that it last reported: on its way through `recovering`, with `rise 1`, that is passed over. */
export function stateOf({ lastTransition, initial }: RealServerContext): RealServerState {
  return lastTransition?.to ?? initial;
}

/** Since when it is in that state. */
export function sinceMsOf({ lastTransition, startedMs }: RealServerContext): number {
  return lastTransition?.atMs ?? startedMs;
}

// --- internal ---

export interface Pacing {
  readonly pace: Pace;
  readonly tell?: Telling;
}

export interface Arrival extends Pacing {
  readonly state: RealServerState;
}

function atTheStart(input: RealServerInput): RealServerContext {
  return {
    ...input,
    passes: 0,
    failures: 0,
    connections: undefined,
    isLeaving: false,
    rampStep: 0,
    pace: "steady",
    intervalMs: input.policy.intervalMs,
    tell: "all",
    startedMs: input.now(),
    advice: undefined,
    asked: undefined,
    lastVerdict: undefined,
    lastTransition: undefined,
  };
}

function atArrival(context: RealServerContext, { state, pace, tell }: Required<Arrival>): Partial<RealServerContext> {
  const { unproven, rampStep } = context;
  return {
    pace,
    tell,
    intervalMs: intervalFor(context, pace),
    connections: undefined,
    unproven: unproven && state !== "healthy",
    rampStep: state === "recovering" ? rampStep : 0,
  };
}

function startCommand({ server, target, policy }: RealServerInput, listener: CheckListener): CheckCommand {
  return { type: "start", server, target, intervalMs: policy.intervalMs, listener };
}

/** Undefined when its checks go at that pace already. */
function paceCommand(context: RealServerContext, pace: Pace, tell: Telling): CheckCommand | undefined {
  const intervalMs = intervalFor(context, pace);
  if (intervalMs === context.intervalMs && tell === context.tell) return undefined;
  return { type: "pace", server: context.server, intervalMs, tell };
}

/**
 * A busy server whose checks pass may ask for longer pauses, but never for longer ones than a removed server has. A
 * doubt does not wait for that: clients would be sent to a failing server for as long as it asks.
 */
function intervalFor({ policy, lastVerdict }: Pick<RealServerContext, "policy" | "lastVerdict">, pace: Pace): number {
  const askedMs = pace === "steady" && lastVerdict?.passed === true ? (lastVerdict.retryAfterMs ?? 0) : 0;
  return Math.max(paceMs(policy, pace), Math.min(askedMs, policy.downIntervalMs));
}

function paceMs({ intervalMs, fastIntervalMs, downIntervalMs }: HealthPolicy, pace: Pace): number {
  return pace === "steady" ? intervalMs : pace === "fast" ? fastIntervalMs : downIntervalMs;
}

function falls({ failures, policy }: RealServerContext, verdict: Verdict): boolean {
  return failures + 1 >= policy.fall || (!verdict.passed && verdict.atOnce === true);
}

function isReached(verdict: Verdict): boolean {
  return verdict.passed || verdict.unreachable !== true;
}

function hasRisen({ passes, unproven, policy, lastVerdict }: RealServerContext): boolean {
  const isAtOnce = lastVerdict?.passed === true && lastVerdict.atOnce === true;
  return isAtOnce || passes >= (unproven ? 1 : policy.rise);
}
