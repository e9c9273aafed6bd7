import {
  assertEvent,
  assign,
  emit,
  enqueueActions,
  sendTo,
  setup,
  type ActorRefFrom,
  type CallbackActorLogic,
  type ErrorActorEvent,
  type PromiseActorLogic,
} from "xstate";
import { formatEndpoint } from "../domain/endpoint.ts";
import { describeError } from "../domain/errors.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Hold } from "../domain/hold.ts";
import {
  formatServiceKey,
  type ObservedVirtualServer,
  type RealServer,
  type ServiceKey,
} from "../domain/virtual-server.ts";
import { UNKNOWN_TABLE, type ApplyReport } from "./apply-plan.ts";
import type { CheckCommand } from "./checks.ts";
import { adoptedState, adoptServer, adoptService, atWeights, departuresAfter, strangers } from "./desired-state.ts";
import { memberState } from "./member-states.ts";
import { nextRound } from "./next-round.ts";
import { realServerMachine, type RealServerReport } from "./real-server-machine.ts";
import { releasesAfter } from "./releases.ts";
import { retryDelayMs } from "./retry-delay.ts";
import { nextReadingMs, overdueAtMs, restMs } from "./round-pace.ts";
import {
  memberInput,
  RECURRING,
  type Member,
  type VirtualServerContext,
  type VirtualServerInput,
} from "./virtual-server-context.ts";
import type { WriteCommand, WriterReport } from "./writer.ts";

type VirtualServerEvent =
  | RealServerReport
  | WriterReport
  | { readonly type: "realServer.respawn"; readonly server: string }
  | OperatorRequest
  | { readonly type: "shutdown" }
  | ErrorActorEvent;

/** What operators may ask of a real server by its formatted endpoint; of one that is not listed it is ignored. */
export type OperatorRequest =
  | { readonly type: "operator.hold"; readonly server: string; readonly hold: Hold | undefined }
  /** Check it as soon as there is room for it. */
  | { readonly type: "operator.check"; readonly server: string };

export type VirtualServerMachine = ReturnType<typeof createVirtualServerMachine>;

export type VirtualServerActor = ActorRefFrom<VirtualServerMachine>;

/** By what it reaches the world. */
export interface VirtualServerPorts {
  readonly readTable: PromiseActorLogic<ObservedVirtualServer | undefined, ServiceKey>;
  readonly writer: CallbackActorLogic<WriteCommand>;
  readonly checks: CallbackActorLogic<CheckCommand>;
}

const RESPAWN_MS = 1000;

/**
 * Owns one virtual server: holds the desired state, and is the only writer to the data plane, one round at a time. Rounds are
 * level-triggered: whatever happens while one runs only marks the state dirty, and the next round plans from what is really there.
 *
 * Made of its ports, and not given them afterwards by `provide`: that would build it twice at each start, and tell of a forgotten one only
 * when it is used.
 */
export function createVirtualServerMachine(ports: VirtualServerPorts) {
  return setup({
    types: {
      input: {} as VirtualServerInput,
      context: {} as VirtualServerContext,
      events: {} as VirtualServerEvent,
      emitted: {} as CareEvent,
      children: {} as Record<string, "realServer" | "writer" | "checks">,
    },
    actors: {
      ...ports,
      realServer: realServerMachine,
    },
    actions: {
      adopt: assign(({ context, spawn, self }, observed: ObservedVirtualServer | undefined) => {
        const members = context.realServers.map((configured): [string, Member] => {
          const key = formatEndpoint(configured.endpoint);
          const hold = context.holds.get(key);
          const first = adoptedState(configured, observed, context.initState, hold);
          // What stood with a weight had clients: not to be thrown away with the rest when this daemon is started anew amid a common failure.
          const served = first.state === "healthy";
          const input = memberInput(context, self, configured, { ...first, served });
          const ref = spawn("realServer", { id: key, input });
          return [key, { ...atWeights(adoptServer(configured, observed)), ref, hold }];
        });
        return {
          service: adoptService(context.service, observed),
          members: new Map(members),
          observed,
          failedAttempts: 0,
          failing: undefined,
        };
      }),
      respawn: enqueueActions(({ context, enqueue, self }, server: string) => {
        const member = context.members.get(server);
        if (member === undefined) return;
        const { state, served } = memberState(server, member, context.initState);
        const input = memberInput(context, self, member.server, { state, unproven: false, served });
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
      hold: enqueueActions(({ context, enqueue }, { server, hold }: { server: string; hold: Hold | undefined }) => {
        const member = context.members.get(server);
        if (member === undefined || member.hold === hold) return;
        enqueue.assign({ members: new Map(context.members).set(server, { ...member, hold }), dirty: true });
        enqueue.emit({ type: "realServer.held", server, hold });
      }),
      requestCheck: enqueueActions(({ context, enqueue }, server: string) => {
        const ref = context.members.get(server)?.ref;
        if (ref !== undefined) enqueue.sendTo(ref, { type: "check.requested" });
      }),
      takeRound: enqueueActions(({ context, enqueue }) => {
        const nowMs = context.now();
        // A timer may fire a fraction early.
        const mustRead = nowMs + 1 >= nextReadingMs(context);
        enqueue.assign({ dirty: false, mustRead, roundAtMs: nowMs });
        const next = nextRound(context, nowMs);
        if (next === undefined) return;
        const { counted, ...round } = next;
        enqueue.assign(round);
        const total = counted.length;
        const healthy = counted.filter(({ state }) => state === "healthy").length;
        const { failOpen, lastResort } = round;
        if ((failOpen === undefined) !== (context.failOpen === undefined))
          enqueue.emit(
            failOpen === undefined
              ? { type: "failOpen.left", healthy, total }
              : { type: "failOpen.entered", healthy, total, held: [...failOpen.held] },
          );
        if ((lastResort === undefined) !== (context.lastResort === undefined))
          enqueue.emit(
            lastResort === undefined
              ? { type: "lastResort.left", healthy, total }
              : { type: "lastResort.entered", total, held: [...lastResort.held] },
          );
      }),
      startRound: sendTo("writer", ({ context }): WriteCommand => {
        const { service, wanted, established, known, isQuiet, mustRead } = context;
        return { type: "apply", input: { key: service, desired: wanted, established, known, isQuiet, mustRead } };
      }),
      withdraw: sendTo("writer", ({ context }): WriteCommand => {
        return {
          type: "apply",
          input: { key: context.service, desired: undefined, ...UNKNOWN_TABLE },
        };
      }),
      noteApplied: enqueueActions(({ context, enqueue }, report: ApplyReport) => {
        const { foreign = "keep" } = context.wanted ?? {};
        // A round that does not read finds nobody new, and one that sends strangers away has something to do.
        const triedSomething = report.operations.length > 0 || report.failure !== undefined;
        const isAsked = (report.hasRead && triedSomething) || context.departures.size > 0;
        const unlisted = isAsked ? strangers(report.observed, new Set(context.members.keys())) : [];
        enqueue.assign({
          observed: report.observed,
          established: report.established,
          known: report.known,
          isPostponed: report.isPostponed,
          isQuiet: report.hasRead && !triedSomething,
          departures: departuresAfter(context.departures, unlisted, foreign, report, context.now()),
          releases: releasesAfter(context.releases, report, context.now()),
          applies: context.applies + (report.operations.length > 0 ? 1 : 0),
          repairs: context.repairs + (report.repairs.length > 0 ? 1 : 0),
        });
        const repaired = new Set(report.repairs.map((one) => "server" in one && formatEndpoint(one.server.endpoint)));
        // Others than those that read leave strangers alone.
        for (const { endpoint, weight } of foreign === "remove" && report.hasRead ? unlisted : []) {
          const server = formatEndpoint(endpoint);
          const isNews = !repaired.has(server) && !context.departures.has(server);
          if (isNews) enqueue.emit({ type: "realServer.unlisted", server, weight });
        }
        enqueue.emit({
          type: "plan.applied",
          operations: report.operations,
          repairs: report.repairs,
          complete: report.failure === undefined,
        });
      }),
      noteEmptiness: enqueueActions(({ context, enqueue }, { known }: ApplyReport) => {
        // Nobody knows what stands there.
        if (known === undefined) return;
        const isEmpty = !known.realServers.some(({ server }) => server.weight > 0);
        const isKnown = context.isEmpty !== undefined || context.seen.all.every(({ state }) => state.checked);
        if (isEmpty === context.isEmpty || (isEmpty && !isKnown)) return;
        enqueue.assign({ isEmpty });
        const virtualServer = formatServiceKey(context.service);
        if (isEmpty) enqueue.emit({ type: "virtualServer.emptied", virtualServer });
        else if (context.isEmpty === true) enqueue.emit({ type: "virtualServer.refilled", virtualServer });
      }),
      countRepairs: enqueueActions(({ context, enqueue }, { repairs }: ApplyReport) => {
        if (repairs.length === 0) return;
        const nowMs = context.now();
        const recent = [...context.repairTimesMs.filter((ms) => nowMs - ms < RECURRING.withinMs), nowMs];
        const isRecurring = recent.length >= RECURRING.repairs;
        enqueue.assign({ repairTimesMs: isRecurring ? [] : recent });
        if (isRecurring) enqueue.emit({ type: "repairs.recurring", ...RECURRING, last: repairs });
      }),
      countConnections: enqueueActions(({ context, enqueue }, { observed, hasRead }: ApplyReport) => {
        if (context.policy.drain === "next-check" || !hasRead) return;
        const drained = new Set(context.wanted?.realServers.filter(({ weight }) => weight === 0).map(nameOf));
        for (const { server, activeConnections } of observed?.realServers ?? []) {
          const ref = context.members.get(nameOf(server))?.ref;
          if (ref?.getSnapshot().context.reported !== "draining") continue;
          // The table was read before or among this round's writes: only at weight 0 did nobody new come after that.
          const isDrained = server.weight === 0 && drained.has(nameOf(server));
          enqueue.sendTo(ref, { type: "connections.counted", active: isDrained ? activeConnections : undefined });
        }
      }),
      /** Whom fail-open holds from this round on, or the last resort, gets its weight back, and new clients with it. */
      forgetCounts: enqueueActions(({ context: { policy, failOpen, lastResort, roundAtMs, members }, enqueue }) => {
        if (policy.drain === "next-check") return;
        const held = failOpen?.sinceMs === roundAtMs ? failOpen.held : lastResort?.held;
        for (const server of held ?? []) {
          const { ref } = members.get(server) ?? {};
          if (ref?.getSnapshot().context.reported !== "draining") continue;
          enqueue.sendTo(ref, { type: "connections.counted", active: undefined });
        }
      }),
      forgetEstablished: assign({ established: undefined, known: undefined, isQuiet: false }),
      noteSuccess: assign(({ context }, { hasRead, operations }: ApplyReport) => {
        const nowMs = context.now();
        const tookMs = nowMs - context.roundAtMs;
        return {
          failedAttempts: 0,
          // One with nothing to do by what is known has shown nothing.
          failing: hasRead || operations.length > 0 ? undefined : context.failing,
          endedAtMs: nowMs,
          ...(hasRead ? { read: { atMs: context.roundAtMs, tookMs } } : { roundMs: tookMs }),
        };
      }),
      /** `wrote`: something could be written all the same. */
      noteFailure: enqueueActions(({ context, enqueue }, { error, wrote }: { error: unknown; wrote?: boolean }) => {
        const nowMs = context.now();
        const attempt = context.failedAttempts + 1;
        const sinceMs = context.failing?.sinceMs ?? nowMs;
        enqueue.assign({
          failedAttempts: attempt,
          failing: wrote === true ? undefined : { sinceMs, message: describeError(error) },
          roundMs: nowMs - context.roundAtMs,
          endedAtMs: nowMs,
          lastError: { atMs: nowMs, message: describeError(error) },
        });
        enqueue.emit({ type: "plan.failed", error, attempt, retryInMs: retryDelayMs(attempt) });
      }),
      emitAdopted: emit(({ context }) => ({
        type: "virtualServer.adopted" as const,
        existed: context.observed !== undefined,
        states: Object.fromEntries(
          Array.from(context.members, ([key, member]) => [key, memberState(key, member, context.initState).state]),
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
      cleansUp: ({ context }) => context.cleanupOnExit,
      isOverdue: ({ context }) => context.now() >= overdueAtMs(context),
      /** Nothing was written, and nothing asks for it: the next change need not wait. Those that read are far between, so that this cannot become a storm. */
      wasQuiet: ({ context }) => context.isQuiet && !context.dirty,
    },
    delays: {
      retry: ({ context }) => retryDelayMs(context.failedAttempts),
      rest: ({ context }) => restMs(context),
      untilReading: ({ context }) => Math.max(0, nextReadingMs(context) - context.now()),
    },
  }).createMachine({
    id: "virtualServer",
    context: ({ input, spawn }) => ({
      ...input,
      checks: spawn("checks", { id: "checks" }),
      members: new Map(),
      seen: { members: new Map(), all: [] },
      departures: new Map(),
      failOpen: undefined,
      lastResort: undefined,
      releases: new Map(),
      repairTimesMs: [],
      dirty: false,
      stopping: false,
      wanted: undefined,
      established: undefined,
      known: undefined,
      mustRead: true,
      read: { atMs: Number.NEGATIVE_INFINITY, tookMs: 0 },
      isPostponed: false,
      isQuiet: false,
      observed: undefined,
      applies: 0,
      repairs: 0,
      failedAttempts: 0,
      roundAtMs: 0,
      roundMs: 0,
      endedAtMs: 0,
      failing: undefined,
      isEmpty: undefined,
      lastError: undefined,
    }),
    on: {
      "realServer.changed": {
        actions: ["markDirty", "emitHealthChange"],
      },
      "realServer.ramped": { actions: "markDirty" },
      "realServer.reachabilityChanged": { actions: "markDirty" },
      "operator.hold": { actions: { type: "hold", params: ({ event }) => event } },
      "operator.check": { actions: { type: "requestCheck", params: ({ event }) => event.server } },
      "realServer.respawn": { actions: { type: "respawn", params: ({ event }) => event.server } },
      // Of any other actor it is not caught here: without its writer or its checks this one must end, too.
      "xstate.error.actor.*": {
        guard: { type: "isMember", params: ({ event }) => event.actorId },
        actions: { type: "buryBroken", params: ({ event }) => event },
      },
    },
    invoke: { src: "writer", id: "writer" },
    initial: "adopting",
    states: {
      adopting: {
        initial: "reading",
        on: { shutdown: "stopped" },
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
                actions: { type: "noteFailure", params: ({ event }) => ({ error: event.error }) },
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
            always: { guard: "isDirty", target: "applying" },
            // Nobody tells us what others do to the table: it is read once each interval.
            after: { untilReading: "applying" },
            on: {
              // The first change is written in the step that hears of it.
              "realServer.changed": { target: "applying", actions: "emitHealthChange" },
              shutdown: "#virtualServer.withdrawing",
            },
          },
          applying: {
            entry: ["takeRound", "startRound", "forgetCounts"],
            on: {
              "round.ended": [
                {
                  guard: ({ event }) => event.report.failure !== undefined,
                  target: "backingOff",
                  actions: [
                    { type: "noteApplied", params: ({ event }) => event.report },
                    { type: "noteEmptiness", params: ({ event }) => event.report },
                    { type: "countRepairs", params: ({ event }) => event.report },
                    { type: "countConnections", params: ({ event }) => event.report },
                    {
                      type: "noteFailure",
                      params: ({ event: { report } }) => {
                        return { error: report.failure, wrote: report.operations.length > 0 };
                      },
                    },
                  ],
                },
                {
                  target: "applied",
                  actions: [
                    { type: "noteApplied", params: ({ event }) => event.report },
                    { type: "noteEmptiness", params: ({ event }) => event.report },
                    { type: "countRepairs", params: ({ event }) => event.report },
                    { type: "countConnections", params: ({ event }) => event.report },
                    { type: "noteSuccess", params: ({ event }) => event.report },
                  ],
                },
              ],
              "round.broke": {
                target: "backingOff",
                actions: [
                  "forgetEstablished",
                  { type: "noteFailure", params: ({ event }) => ({ error: event.error }) },
                ],
              },
              // A round under way cannot be called back: leaving this state would drop its result but not its writes.
              shutdown: { actions: "markStopping" },
            },
          },
          applied: {
            always: [
              { guard: "isStopping", target: "#virtualServer.withdrawing" },
              { guard: "wasQuiet", target: "settled" },
              { target: "resting" },
            ],
          },
          // The first change is written at once; what follows within this time shares a round, since each looks at all real servers.
          resting: {
            after: { rest: "settled" },
            on: {
              "realServer.changed": { guard: "isOverdue", target: "applying", actions: "emitHealthChange" },
              shutdown: "#virtualServer.withdrawing",
            },
          },
          // What failed is tried again later; what a check found since is not kept waiting for that.
          backingOff: {
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
                  actions: { type: "noteFailure", params: ({ event }) => ({ error: event.report.failure }) },
                },
                { target: "#virtualServer.stopped" },
              ],
              "round.broke": {
                target: "#virtualServer.stopped",
                actions: { type: "noteFailure", params: ({ event }) => ({ error: event.error }) },
              },
            },
          },
        },
      },
      stopped: { type: "final" },
    },
  });
}

// --- internal ---

function nameOf({ endpoint }: RealServer): string {
  return formatEndpoint(endpoint);
}
