import { assign, emit, enqueueActions, fromPromise, setup, type ActorRefFrom } from "xstate";
import type { WayEvent, WayReading } from "../domain/way.ts";

export type WayMachine = ReturnType<typeof createWayMachine>;

export type WayActor = ActorRefFrom<WayMachine>;

export interface WayInput {
  /** Tries it once. */
  readonly tryWay: () => Promise<WayReading>;
  readonly now: () => number;
}

export interface WayContext extends WayInput {
  /** The result of the last try; undefined before the first one, and while no server is in service. */
  readonly standing: (WayReading & { readonly sinceMs: number; readonly atMs: number }) | undefined;
  /** Something changed since the try began. */
  readonly dirty: boolean;
}

export type WayCommand =
  /** A server is in service, and the way to it was set up: it should answer. */
  | { readonly type: "way.opened" }
  /** No server is in service: the way leads nowhere. */
  | { readonly type: "way.closed" }
  /** What leads to the virtual address changed. */
  | { readonly type: "way.changed" };

/**
 * Tries from time to time whether a client of this host gets through the virtual address to a real server: when the
 * first server comes into service, after each change of reach, and once a minute. One try at a time. It reports what
 * it finds and decides nothing: only checks change weights.
 *
 * A machine is large, and one serves all virtual servers of a process: how to try theirs, each actor learns from its input.
 */
export function createWayMachine() {
  return setup({
    types: {
      input: {} as WayInput,
      context: {} as WayContext,
      events: {} as WayCommand,
      emitted: {} as WayEvent,
    },
    actors: { tryWay: fromPromise(({ input: { tryWay } }: { input: Pick<WayInput, "tryWay"> }) => tryWay()) },
    actions: {
      markDirty: assign({ dirty: true }),
      clearDirty: assign({ dirty: false }),
      forget: assign({ standing: undefined, dirty: false }),
      tellChange: enqueueActions(({ context, enqueue }, reading: WayReading) => {
        const before = context.standing?.problem;
        if (reading.problem !== undefined && reading.problem !== before) {
          enqueue.emit({ type: "way.lost", problem: reading.problem });
        }
        const isNews = context.standing === undefined || before !== undefined;
        if (reading.problem === undefined && isNews) {
          enqueue.emit({ type: "way.answers", latencyMs: reading.latencyMs, again: before !== undefined });
        }
      }),
      note: assign(({ context }, reading: WayReading) => {
        const atMs = context.now();
        const isAsBefore =
          context.standing !== undefined &&
          (context.standing.problem === undefined) === (reading.problem === undefined);
        return { standing: { ...reading, atMs, sinceMs: isAsBefore ? context.standing.sinceMs : atMs } };
      }),
      tellBroken: emit((_, { error }: { error: unknown }) => ({ type: "way.untried" as const, error })),
    },
    guards: {
      isDirty: ({ context }) => context.dirty,
      isLost: ({ context }) => context.standing?.problem !== undefined,
    },
    delays: { rest: REST_MS, soon: SOON_MS, minute: MINUTE_MS },
  }).createMachine({
    id: "way",
    context: ({ input }) => ({ ...input, standing: undefined, dirty: false }),
    initial: "closed",
    states: {
      closed: { entry: "forget", on: { "way.opened": "open" } },
      open: {
        initial: "trying",
        on: { "way.closed": "closed", "way.changed": { actions: "markDirty" } },
        states: {
          trying: {
            entry: "clearDirty",
            invoke: {
              src: "tryWay",
              input: ({ context }) => context,
              onDone: {
                target: "tried",
                actions: [
                  // Comes first, because it compares with the state before.
                  { type: "tellChange", params: ({ event }) => event.output },
                  { type: "note", params: ({ event }) => event.output },
                ],
              },
              onError: {
                target: "waiting",
                actions: { type: "tellBroken", params: ({ event }) => ({ error: event.error }) },
              },
            },
          },
          tried: {
            always: [
              { guard: "isDirty", target: "resting" },
              { guard: "isLost", target: "waitingLost" },
              { target: "waiting" },
            ],
          },
          // A burst of changes is one.
          resting: { after: { rest: "trying" } },
          waiting: {
            always: { guard: "isDirty", target: "resting" },
            after: { minute: "trying" },
          },
          waitingLost: {
            always: { guard: "isDirty", target: "resting" },
            after: { soon: "trying" },
          },
        },
      },
    },
  });
}

// --- internal ---

const REST_MS = 75;
const MINUTE_MS = 60_000;
/** An operator who repairs something wants to see the result soon. */
const SOON_MS = 5000;
