import {
  assign,
  emit,
  enqueueActions,
  setup,
  type ActorRefFrom,
  type CallbackActorLogic,
  type PromiseActorLogic,
} from "xstate";
import { describeError } from "../domain/errors.ts";
import { describeLeft, type ReachEvent } from "../domain/events.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import type { ObjectReport } from "./reconcile-reach.ts";
import { retryDelayMs } from "./retry-delay.ts";

export type ReachMachine = ReturnType<typeof createReachMachine>;

export type ReachActor = ActorRefFrom<ReachMachine>;

/** Its connections to the outside. */
export interface ReachPorts {
  readonly reconcile: PromiseActorLogic<readonly ObjectReport[], ServiceKey>;
  /** Says that the host changed. */
  readonly watchHost: CallbackActorLogic<HostChanged, ServiceKey>;
  /** Whether everything stands and others look at it, who have `watchHost` tell: then no look is due. By default it is not so. */
  readonly isWatched?: (key: ServiceKey) => boolean;
}

export interface ReachInput {
  /** The virtual server that is to be reached. */
  readonly key: ServiceKey;
  /** Milliseconds from one unprompted look at everything to the next. */
  readonly intervalMs: number;
  readonly now: () => number;
}

export interface HostChanged {
  readonly type: "host.changed";
}

export interface ReachContext extends ReachInput {
  /** As of the last round; empty before the first. */
  readonly objects: readonly ObjectState[];
  /** Something changed since the last round began. */
  readonly dirty: boolean;
  readonly failedAttempts: number;
}

export interface ObjectState {
  readonly name: string;
  readonly state: "stands" | "left" | "failed";
  readonly sinceMs: number;
  /** Why it is not as it should be; undefined when it is. */
  readonly problem: string | undefined;
}

/** Of timers; some twenty-five days. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** What a burst of changes takes, such as a link that goes down and comes up. */
const REST_MS = 75;

/**
 * Keeps the settings by which this host reaches the virtual address as they should be. Level-triggered: a change of
 * the host, or the end of an interval, only says that it is time to look, and each round looks at everything. When
 * stopped, it leaves everything as it is.
 */
export function createReachMachine({ isWatched = () => false, ...actors }: ReachPorts) {
  return setup({
    types: {
      input: {} as ReachInput,
      context: {} as ReachContext,
      events: {} as
        | HostChanged
        | { readonly type: "begin" }
        /** From the next pause on. */
        | { readonly type: "interval.changed"; readonly intervalMs: number },
      emitted: {} as ReachEvent,
    },
    actors,
    actions: {
      markDirty: assign({ dirty: true }),
      takeInterval: assign((_, { intervalMs }: { intervalMs: number }) => ({ intervalMs })),
      clearDirty: assign({ dirty: false }),
      noteRound: assign(({ context }, reports: readonly ObjectReport[]) => ({
        objects: reports.map((report) => nextState(report, context)),
        failedAttempts: reports.some(isFailed) ? context.failedAttempts + 1 : 0,
      })),
      emitRound: enqueueActions(({ context, enqueue }, reports: readonly ObjectReport[]) => {
        for (const report of reports) {
          for (const fact of factOf(report, objectNamed(context, report.name))) enqueue.emit(fact);
        }
      }),
      emitUnwatched: emit((_, { error }: { error: unknown }) => ({ type: "reach.unwatched" as const, error })),
      noteBroken: assign(({ context }) => ({ failedAttempts: context.failedAttempts + 1 })),
      emitBroken: emit((_, { error }: { error: unknown }) => ({
        type: "reach.failed" as const,
        object: "everything",
        error,
      })),
    },
    guards: {
      isDirty: ({ context }) => context.dirty,
      hasFailed: ({ context }) => context.failedAttempts > 0,
      keepsNothing: ({ context }) => context.objects.length === 0,
    },
    delays: {
      rest: REST_MS,
      interval: ({ context }) => (isWatched(context.key) ? LONGEST_DELAY_MS : context.intervalMs),
      retry: ({ context }) => retryDelayMs(context.failedAttempts),
    },
  }).createMachine({
    id: "reach",
    context: ({ input }) => ({ ...input, objects: [], dirty: false, failedAttempts: 0 }),
    invoke: {
      src: "watchHost",
      input: ({ context }) => context.key,
      // The interval remains.
      onError: { actions: { type: "emitUnwatched", params: ({ event }) => ({ error: event.error }) } },
    },
    on: {
      "host.changed": { actions: "markDirty" },
      "interval.changed": { actions: { type: "takeInterval", params: ({ event }) => event } },
    },
    initial: "waiting",
    states: {
      // The virtual server comes first: until its module is loaded, some of the settings do not exist.
      waiting: { on: { begin: "applying" } },
      applying: {
        entry: "clearDirty",
        invoke: {
          src: "reconcile",
          input: ({ context }) => context.key,
          onDone: {
            target: "applied",
            actions: [
              // Comes first, because it compares with the state before.
              { type: "emitRound", params: ({ event }) => event.output },
              { type: "noteRound", params: ({ event }) => event.output },
            ],
          },
          onError: {
            target: "backingOff",
            actions: ["noteBroken", { type: "emitBroken", params: ({ event }) => ({ error: event.error }) }],
          },
        },
      },
      applied: {
        always: [
          { guard: "hasFailed", target: "backingOff" },
          { guard: "keepsNothing", target: "idle" },
          { target: "resting" },
        ],
      },
      // There is nothing to keep, so no look would ever find anything. Another configuration may have something.
      idle: { always: { guard: "isDirty", target: "applying" }, on: { "host.changed": "applying" } },
      // What a round writes comes back as changes of the host: they, and the rest of a burst, share the next round.
      resting: { after: { rest: "settled" } },
      settled: {
        always: { guard: "isDirty", target: "applying" },
        after: { interval: "applying" },
      },
      backingOff: {
        after: { rest: { guard: "isDirty", target: "applying" }, retry: "applying" },
        // An obstacle may be gone.
        on: { "host.changed": { target: "resting", actions: "markDirty" } },
      },
    },
  });
}

// --- internal ---

function isFailed(report: ObjectReport): boolean {
  return report.outcome === "failed";
}

function objectNamed({ objects }: ReachContext, name: string): ObjectState | undefined {
  return objects.find((object) => object.name === name);
}

function nextState(report: ObjectReport, context: ReachContext): ObjectState {
  const { name, outcome } = report;
  const state = outcome === "left" || outcome === "failed" ? outcome : "stands";
  const problem = problemOf(report);
  const before = objectNamed(context, name);
  const isAsBefore = before !== undefined && before.state === state && before.problem === problem;
  return { name, state, sinceMs: isAsBefore ? before.sinceMs : context.now(), problem };
}

function problemOf(report: ObjectReport): string | undefined {
  if (report.outcome === "failed") return describeError(report.error);
  return report.outcome === "left" ? describeLeft(report) : undefined;
}

/** What a round changed, compared with the state before: an unchanged failure is no news. */
function factOf(report: ObjectReport, before: ObjectState | undefined): ReachEvent[] {
  const { name: object, outcome } = report;
  const stood = before?.state === "stands";
  const isNews = before?.problem !== problemOf(report);
  switch (outcome) {
    case "stood":
      return stood ? [] : [{ type: "reach.established", object, made: false }];
    case "mended":
      return stood
        ? [{ type: "reach.repaired", object, deviation: report.deviation }]
        : [{ type: "reach.established", object, made: true }];
    case "left":
      return isNews ? [{ type: "reach.left", object, deviation: report.deviation, error: report.error }] : [];
    case "failed":
      return isNews ? [{ type: "reach.failed", object, error: report.error }] : [];
  }
}
