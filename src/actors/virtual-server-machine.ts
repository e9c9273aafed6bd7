import {
  assertEvent,
  assign,
  emit,
  enqueueActions,
  fromCallback,
  sendTo,
  setup,
  type ActorRefFrom,
  type CallbackActorLogic,
  type ErrorActorEvent,
  type PromiseActorLogic,
} from "xstate";
import type { Round, RoundReport, RoundRunner } from "../dataplane/round.ts";
import { adoptService } from "../desired/adoption.ts";
import { isServing } from "../desired/member.ts";
import { isLasting, nextDesired, NO_OVERLAY, overlayNews } from "../desired/next.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Holds } from "../domain/hold.ts";
import type { ObservedVirtualServer, ServiceKey } from "../domain/virtual-server.ts";
import type { CheckCommand } from "./checks.ts";
import type { ProbeReport } from "./probe-trial.ts";
import { configurationFields, configured, probeReported, withdrawn } from "./configuring.ts";
import {
  adopted,
  answered,
  held,
  inOrder,
  memberInput,
  memberState,
  seeMembers,
  started,
  uncheckable,
  withoutDeparted,
} from "./members.ts";
import { realServerMachine, startedAlike, type RealServerReport } from "./real-server-machine.ts";
import { retryDelayMs } from "./retry-delay.ts";
import { BEFORE_THE_FIRST_ROUND, lasts, overdueAtMs, restMs, untilReadingMs } from "./round-pace.ts";
import { afterRound, connectionsCounted, regained, roundFailed } from "./round-steps.ts";
import type {
  AnswerReport,
  ConfigurationRequest,
  OperatorRequest,
  Step,
  VirtualServerContext,
  VirtualServerInput,
} from "./virtual-server-context.ts";

type VirtualServerEvent =
  | RealServerReport
  | WriterReport
  | ProbeReport
  | { readonly type: "realServer.respawn"; readonly server: string }
  | OperatorRequest
  | AnswerReport
  /** A real server, of which nothing is known yet, cannot be checked: it is not waited for. */
  | { readonly type: "check.impossible"; readonly server: string }
  | ConfigurationRequest
  | { readonly type: "shutdown" }
  | ErrorActorEvent;

export type VirtualServerMachine = ReturnType<typeof createVirtualServerMachine>;

export type VirtualServerActor = ActorRefFrom<VirtualServerMachine>;

/** Its connections to the outside. */
export interface VirtualServerPorts {
  readonly readTable: PromiseActorLogic<ObservedVirtualServer | undefined, ServiceKey>;
  /** `deviates`: others changed the table, which is watched between rounds. */
  readonly openRounds: (input: WriterInput, deviates: () => void) => RoundRunner;
  readonly checks: CallbackActorLogic<CheckCommand, ServiceKey>;
}

export interface WriterInput {
  readonly key: ServiceKey;
  readonly now: () => number;
}

type Configure = Extract<ConfigurationRequest, { type: "configure" }>;

const RESPAWN_MS = 1000;

/**
 * Owns one virtual server: holds the desired state, and is the only writer to the data plane, one round at a time.
 * Rounds are level-triggered: a change during a round only marks the state dirty, and the next round plans from what
 * is really there.
 *
 * The ports are given here and not later by `provide`: that would build the machine twice at each start, and a
 * forgotten port would show only when it is used. They learn from their input which virtual server it is: a machine is
 * large, and one serves all virtual servers of a process.
 */
export function createVirtualServerMachine(ports: VirtualServerPorts) {
  return setup({
    types: {
      input: {} as VirtualServerInput,
      context: {} as VirtualServerContext,
      events: {} as VirtualServerEvent,
      emitted: {} as CareEvent,
      children: {} as Record<string, "realServer" | "writer" | "checks">,
      tags: {} as /** The table is still to be taken over: what is asked for now would be forgotten. */
        | "adopting"
        /** No round is under way. */
        | "betweenRounds",
    },
    actors: {
      readTable: ports.readTable,
      writer: writer(ports.openRounds),
      checks: ports.checks,
      realServer: startedAlike(realServerMachine),
    },
    actions: {
      adopt: assign(({ context, spawn, self }, observed: ObservedVirtualServer | undefined) => {
        return {
          service: adoptService(context.service, observed),
          members: started(adopted(context, observed, self), (id, input) => spawn("realServer", { id, input })),
          table: observed,
          trouble: { ...context.trouble, failedAttempts: 0, failing: undefined },
        };
      }),
      respawn: enqueueActions(({ context, enqueue, self }, server: string) => {
        const member = context.members.get(server);
        // It may have left since, and joined anew.
        if (member === undefined || member.ref.getSnapshot().status === "active") return;
        const { state, history } = memberState(server, member);
        const input = memberInput(context, self, member.server, { state, history, unproven: false });
        enqueue.assign({
          members: ({ spawn }) =>
            new Map(context.members).set(server, { ...member, ref: spawn("realServer", { id: server, input }) }),
        });
      }),
      buryBroken: enqueueActions(({ context, enqueue }, broken: ErrorActorEvent) => {
        enqueue.sendTo(context.checks, { type: "stop", server: broken.actorId });
        enqueue.stopChild(broken.actorId);
        enqueue.emit({ type: "realServer.restarted", server: broken.actorId, error: broken.error });
        enqueue.raise({ type: "realServer.respawn", server: broken.actorId }, { delay: RESPAWN_MS });
      }),
      markDirty: assign({ dirty: true }),
      /** What was decided elsewhere: what it changes, and what is told of it. */
      take: enqueueActions(({ enqueue }, step: Step | undefined) => {
        if (step === undefined) return;
        enqueue.assign(step.changes);
        for (const event of step.events) enqueue.emit(event);
      }),
      configure: enqueueActions(({ context, enqueue, self }, { configuration, schedule }: Configure) => {
        const next = configured(context, configuration, self, schedule !== undefined);
        if (next === undefined) return;
        const { changes, joining, isPolicyNew, event } = next;
        enqueue.emit(event);
        enqueue.assign(({ spawn }) => {
          const joined = started(joining, (id, input) => spawn("realServer", { id, input }));
          return { ...changes, members: inOrder(configuration.realServers, changes.members, joined) };
        });
        if (isPolicyNew)
          for (const { ref } of changes.members.values())
            enqueue.sendTo(ref, { type: "policy.changed", policy: changes.policy });
      }),
      configureAhead: assign((_, { configuration }: Configure) => configurationFields(configuration)),
      reprobe: enqueueActions(({ context, enqueue }, { configuration: { policy }, schedule }: Configure) => {
        if (schedule === undefined) return;
        enqueue.assign({ suspicion: undefined });
        enqueue.sendTo(context.checks, { type: "reprobe", schedule, fall: policy.fall });
      }),
      requestCheck: enqueueActions(({ context, enqueue }, server: string) => {
        const ref = context.members.get(server)?.ref;
        if (ref !== undefined) enqueue.sendTo(ref, { type: "check.requested" });
      }),
      takeRound: enqueueActions(({ context, enqueue }) => {
        const nowMs = context.now();
        const seen = seeMembers(context);
        enqueue.assign({ pace: { ...context.pace, beganMs: nowMs } });
        if (seen === context.seen && !context.isWithdrawn && isLasting(context.wanted, context.overlay)) return;
        const members = seen.all.map(({ state }) => state);
        const { wanted, overlay, counted } = nextDesired({ ...context, members }, nowMs);
        enqueue.assign({ seen, wanted, overlay, members: withoutDeparted(context.members, overlay) });
        for (const server of overlay.departures.keys()) {
          if (!context.members.has(server)) continue;
          enqueue.sendTo(context.checks, { type: "stop", server });
          enqueue.stopChild(server);
        }
        for (const event of overlayNews(context.overlay, overlay, counted)) enqueue.emit(event);
      }),
      startRound: sendTo("writer", ({ context }): WriteCommand => {
        const { wanted, dirty, policy } = context;
        return {
          type: "apply",
          round: { desired: wanted, isUrgent: dirty, isLasting: lasts(context), readEveryMs: policy.intervalMs },
        };
      }),
      withdraw: sendTo("writer", ({ context }): WriteCommand => {
        return {
          type: "apply",
          round: { desired: undefined, isUrgent: false, isLasting: false, readEveryMs: context.policy.intervalMs },
        };
      }),
      markTaken: assign({ dirty: false }),
      noteRound: enqueueActions(({ context, event, enqueue }) => {
        assertEvent(event, "round.ended");
        const { changes, events } = afterRound(context, event.report);
        enqueue.assign(changes);
        for (const told of events) enqueue.emit(told);
        for (const [ref, active] of connectionsCounted(context, event.report))
          enqueue.sendTo(ref, { type: "connections.counted", active });
      }),
      forgetCounts: enqueueActions(({ context, enqueue }) => {
        for (const ref of regained(context)) enqueue.sendTo(ref, { type: "connections.counted", active: undefined });
      }),
      emitAdopted: emit(({ context }) => ({
        type: "virtualServer.adopted" as const,
        existed: context.table !== undefined,
        states: Object.fromEntries(
          Array.from(context.members, ([key, member]) => [key, memberState(key, member).state]),
        ),
      })),
      tellDaemon: enqueueActions(({ context, enqueue }) => {
        if (context.daemon !== undefined) enqueue.sendTo(context.daemon, { type: "virtualServer.adopted" });
      }),
      emitHealthChange: emit(({ event }): CareEvent => {
        assertEvent(event, "realServer.changed");
        return { ...event, type: "realServer.healthChanged" };
      }),
      markStopping: assign({ stopping: true }),
    },
    guards: {
      isMember: ({ context }, name: string) => context.members.has(name),
      isDirty: ({ context }) => context.dirty,
      isStopping: ({ context }) => context.stopping,
      /** Withdrawn, and deleted by the round that just ended. */
      isGone: ({ context }) => context.isWithdrawn && context.wanted === undefined,
      cleansUp: ({ context }) => context.cleanupOnExit,
      isOverdue: ({ context }) => context.now() >= overdueAtMs(context.pace),
      /** It serves, and nobody is known to be in service yet: of many that are new this is one. */
      isFirstToServe: ({ context: { isEmpty, members, trouble } }, server: string) => {
        const member = members.get(server);
        const mayServe = isEmpty !== false && trouble.failedAttempts === 0;
        return mayServe && member !== undefined && isServing(memberState(server, member));
      },
      /**
       * Nothing was written, and nothing needs to be: the next change need not wait. Rounds with a reading are far
       * apart, so this cannot become a storm.
       */
      wasQuiet: ({ context }) => context.pace.wasQuiet && !context.dirty,
    },
    delays: {
      retry: ({ context }) => retryDelayMs(context.trouble.failedAttempts),
      rest: ({ context }) => restMs(context.pace),
      untilReading: ({ context }) => untilReadingMs(context),
    },
  }).createMachine({
    id: "virtualServer",
    context: ({ input, spawn }) => ({
      ...configurationFields(input),
      cleanupOnExit: input.cleanupOnExit,
      holds: input.holds,
      daemon: input.daemon,
      now: input.now,
      suspicion: undefined,
      checks: spawn("checks", { id: "checks", input: input.service }),
      members: new Map(),
      uncheckable: new Set(),
      seen: { members: new Map(), all: [] },
      overlay: NO_OVERLAY,
      wanted: undefined,
      dirty: false,
      stopping: false,
      pace: BEFORE_THE_FIRST_ROUND,
      table: undefined,
      isEmpty: undefined,
      counts: { applies: 0, repairs: 0, repairTimesMs: [] },
      trouble: { failedAttempts: 0, failing: undefined, lastError: undefined },
    }),
    on: {
      "realServer.changed": {
        actions: ["markDirty", "emitHealthChange"],
      },
      "realServer.reweighed": { actions: "markDirty" },
      "realServer.reachabilityChanged": { actions: "markDirty" },
      "operator.hold": { actions: { type: "take", params: ({ context, event }) => held(context, event) } },
      "operator.check": { actions: { type: "requestCheck", params: ({ event }) => event.server } },
      "check.impossible": {
        actions: { type: "take", params: ({ context, event }) => uncheckable(context, event.server) },
      },
      "answer.missing": { actions: { type: "take", params: ({ context, event }) => answered(context, event) } },
      "answer.came": { actions: { type: "take", params: ({ context, event }) => answered(context, event) } },
      configure: {
        actions: [
          // Comes first: who joins is on trial with the changed probe as the others are.
          { type: "reprobe", params: ({ event }) => event },
          { type: "configure", params: ({ event }) => event },
        ],
      },
      withdraw: { actions: { type: "take", params: ({ context }) => withdrawn(context) } },
      "probe.suspicious": { actions: { type: "take", params: ({ context, event }) => probeReported(context, event) } },
      "probe.accepted": { actions: { type: "take", params: ({ context, event }) => probeReported(context, event) } },
      "realServer.respawn": { actions: { type: "respawn", params: ({ event }) => event.server } },
      // Of any other actor it is not caught here: without its writer or its checks this one must end, too.
      "xstate.error.actor.*": {
        guard: { type: "isMember", params: ({ event }) => event.actorId },
        actions: { type: "buryBroken", params: ({ event }) => event },
      },
    },
    invoke: {
      src: "writer",
      id: "writer",
      input: ({ context }): WriterInput => ({ key: context.service, now: context.now }),
    },
    initial: "adopting",
    states: {
      adopting: {
        tags: "adopting",
        initial: "reading",
        on: {
          shutdown: "stopped",
          configure: {
            actions: [
              { type: "reprobe", params: ({ event }) => event },
              { type: "configureAhead", params: ({ event }) => event },
            ],
          },
        },
        states: {
          reading: {
            invoke: {
              src: "readTable",
              input: ({ context }) => context.service,
              onDone: {
                target: "#virtualServer.serving",
                actions: [{ type: "adopt", params: ({ event }) => event.output }, "emitAdopted", "tellDaemon"],
              },
              onError: {
                target: "waiting",
                actions: { type: "take", params: ({ context, event }) => roundFailed(context, event.error) },
              },
            },
          },
          waiting: { after: { retry: "reading" } },
        },
      },
      serving: {
        initial: "applying",
        states: {
          settled: {
            tags: "betweenRounds",
            always: { guard: "isDirty", target: "applying" },
            // The kernel does not report what others do to the table, so it is read once in each interval.
            after: { untilReading: "applying" },
            on: {
              // The first change is written in the same step in which it arrives.
              "realServer.changed": { target: "applying", actions: "emitHealthChange" },
              "table.deviated": "applying",
              shutdown: "#virtualServer.withdrawing",
            },
          },
          applying: {
            entry: ["takeRound", "startRound", "markTaken", "forgetCounts"],
            on: {
              "round.ended": [
                {
                  guard: ({ event }) => event.report.failure !== undefined,
                  target: "backingOff",
                  actions: "noteRound",
                },
                { target: "applied", actions: "noteRound" },
              ],
              "round.broke": {
                target: "backingOff",
                actions: { type: "take", params: ({ context, event }) => roundFailed(context, event.error) },
              },
              // A round under way cannot be called back: leaving this state would drop its result but not its writes.
              shutdown: { actions: "markStopping" },
            },
          },
          applied: {
            always: [
              { guard: "isStopping", target: "#virtualServer.withdrawing" },
              { guard: "isGone", target: "#virtualServer.stopped" },
              { guard: "wasQuiet", target: "settled" },
              { target: "resting" },
            ],
          },
          // The first change is written at once. What follows within this time shares a round, since each round looks
          // at all real servers.
          resting: {
            tags: "betweenRounds",
            after: { rest: "settled" },
            on: {
              "realServer.changed": [
                { guard: "isOverdue", target: "applying", actions: "emitHealthChange" },
                // Clients are served sooner, and who hears that it is healthy finds it in service.
                {
                  guard: { type: "isFirstToServe", params: ({ event }) => event.server },
                  target: "applying",
                  actions: "emitHealthChange",
                },
              ],
              shutdown: "#virtualServer.withdrawing",
            },
          },
          // A failed write is tried again later, but new results of checks do not wait for that.
          backingOff: {
            tags: "betweenRounds",
            always: [
              { guard: "isStopping", target: "#virtualServer.withdrawing" },
              { guard: "isDirty", target: "resting" },
            ],
            after: { retry: "applying" },
            on: { shutdown: "#virtualServer.withdrawing" },
          },
        },
      },
      withdrawing: {
        initial: "deciding",
        states: {
          deciding: { always: [{ guard: "cleansUp", target: "deleting" }, { target: "#virtualServer.stopped" }] },
          deleting: {
            entry: "withdraw",
            on: {
              "round.ended": [
                {
                  guard: ({ event }) => event.report.failure !== undefined,
                  target: "#virtualServer.stopped",
                  actions: { type: "take", params: ({ context, event }) => roundFailed(context, event.report.failure) },
                },
                { target: "#virtualServer.stopped" },
              ],
              "round.broke": {
                target: "#virtualServer.stopped",
                actions: { type: "take", params: ({ context, event }) => roundFailed(context, event.error) },
              },
            },
          },
        },
      },
      stopped: { type: "final" },
    },
  });
}

/**
 * What operators have asked of a supervisor's real servers, also of those that are not listed at present: it is the one
 * owner of that.
 */
export function holdsOf(supervisor: VirtualServerActor): Holds {
  return supervisor.getSnapshot().context.holds;
}

/** What the actor that writes is told. */
export interface WriteCommand {
  readonly type: "apply";
  readonly round: Round;
}

// --- internal ---

/** How a round ended: with a result, or without having been able to do anything. And what calls for another. */
type WriterReport =
  | { readonly type: "round.ended"; readonly report: RoundReport }
  | { readonly type: "round.broke"; readonly error: unknown }
  | { readonly type: "table.deviated" };

/**
 * Runs the rounds, and reports how they ended. It lasts as long as the supervisor: with an actor for each round, the
 * machine would copy its list of children twice a round, and a thousand real servers are in it.
 */
function writer(open: VirtualServerPorts["openRounds"]): CallbackActorLogic<WriteCommand, WriterInput> {
  return fromCallback(({ input, receive, sendBack }) => {
    const runner = open(input, () => sendBack({ type: "table.deviated" }));
    receive(({ round }) => {
      runner.apply(round).then(
        (report) => sendBack({ type: "round.ended", report }),
        (error: unknown) => sendBack({ type: "round.broke", error }),
      );
    });
    return () => runner.close();
  });
}
