import { describe, expect, test } from "bun:test";
import {
  createActor,
  fromCallback,
  getNextSnapshot,
  type AnyActorRef,
  type EventFrom,
  type SnapshotFrom,
} from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
import { memberStateOf } from "../../src/actors/members.ts";
import { realServerMachine, type RealServerInput } from "../../src/actors/real-server-machine.ts";
import { atWeights } from "../../src/desired/member.ts";
import { placementOf } from "../../src/desired/weight.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { PLAIN_HEALTH_POLICY, type HealthPolicy } from "../../src/domain/health-policy.ts";
import { REAL_SERVER_STATES, type RealServerState } from "../../src/domain/health.ts";
import { realServer } from "../../src/domain/virtual-server.ts";
import { startPosition, step, tenths, type ChartEvent, type ChartPosition } from "../support/health-chart.ts";

/**
 * From each start, to everything that the machine itself can come to, and from there each event that can happen: all of it has to
 * be as the state chart says. Where that is not too much, every path without a loop besides.
 */
describe("all paths of the real server", () => {
  test.each(policies().map((policy) => [describePolicy(policy), policy] as const))(
    "%s",
    (_, policy) => {
      const isShort = policy.slowStartMs === 0 && policy.fall + policy.rise < 3;
      const reached = new Set<RealServerState>();
      const wrong: unknown[] = [];
      for (const start of starts(policy)) {
        const { machine, traversal } = traversalFrom(start);
        const paths = isShort ? getSimplePaths(machine, traversal) : getShortestPaths(machine, traversal);
        // Many paths lead to the same state, and the machine goes on from there in the same way.
        const endsOf = new Map<State, readonly (readonly [Event | undefined, Seen])[]>();
        for (const { steps, state } of paths) {
          const events = steps.slice(1).map(({ event }) => event);
          const position = chartAfter(events, start);
          const ends = endsOf.get(state) ?? endsFrom(state);
          endsOf.set(state, ends);
          for (const [event, found] of ends) {
            const told = event === undefined ? position : step(position, chartEvent(event, policy), policy);
            reached.add(told.state);
            const expected = { state: told.state, tenths: tenths(told) };
            if (found.state !== expected.state || found.tenths !== expected.tenths)
              wrong.push([describePath(start, [...events, event]), found, expected]);
          }
        }
      }
      expect(wrong).toEqual([]);
      expect(reached).toEqual(new Set(REAL_SERVER_STATES));
    },
    60_000,
  );
});

// --- internal ---

type Event = EventFrom<typeof realServerMachine>;
type State = SnapshotFrom<typeof realServerMachine>;

const CLIMBED = { type: "xstate.after.rampPause.realServer.recovering.climbing" };

function policies(): HealthPolicy[] {
  const thresholds = [
    { fall: 1, rise: 1 },
    { fall: 2, rise: 1 },
    { fall: 1, rise: 2 },
    { fall: 2, rise: 2 },
  ];
  const drains = [
    { drain: "next-check" },
    { drain: "connections", drainTimeoutMs: Number.POSITIVE_INFINITY },
    { drain: "connections", drainTimeoutMs: 0 },
  ] as const;
  return thresholds.flatMap((threshold) =>
    drains.flatMap((drain) =>
      [0, 1000].map((slowStartMs) => ({ ...PLAIN_HEALTH_POLICY, ...threshold, ...drain, slowStartMs })),
    ),
  );
}

function describePolicy({ fall, rise, drain, drainTimeoutMs, slowStartMs }: HealthPolicy): string {
  const drained = drain === "next-check" ? "" : drainTimeoutMs === 0 ? ", drains until too late" : ", drains";
  return `fall ${fall}, rise ${rise}${drained}${slowStartMs > 0 ? ", climbs" : ""}`;
}

type Start = Pick<RealServerInput, "initial" | "unproven" | "policy">;

function starts(policy: HealthPolicy): Start[] {
  const known = REAL_SERVER_STATES.map((initial) => ({ initial, unproven: false, policy }));
  return [...known, { initial: "recovering", unproven: true, policy }];
}

function describePath({ initial }: Start, events: readonly (Event | undefined)[]): string {
  return `${initial}: ${events.flatMap((event) => event?.type ?? []).join(" ")}`;
}

function chartAfter(events: readonly Event[], { initial, unproven, policy }: Start): ChartPosition {
  return events.reduce<ChartPosition>(
    (at, event) => step(at, chartEvent(event, policy), policy),
    startPosition(initial, unproven),
  );
}

function traversalFrom(start: Start) {
  const input: RealServerInput = {
    ...start,
    history: "served",
    server: "10.0.0.1:80",
    target: parseEndpoint("10.0.0.1:80"),
    supervisor: createActor(fromCallback(() => undefined)) as AnyActorRef,
    checks: createActor(fromCallback(() => undefined)) as AnyActorRef,
    now: () => 0,
  };
  // Asked for at each step of each path.
  const keys = new Map<State, string>();
  const traversal = {
    input,
    events: (state: State) => eventsIn(state),
    serializeState(state: State): string {
      const key = keys.get(state) ?? keyOf(state);
      keys.set(state, key);
      return key;
    },
  };
  return { machine: realServerMachine, traversal };
}

function eventsIn(state: State): Event[] {
  const passed = { passed: true, reason: "status 200", latencyMs: 1 } as const;
  const failed = { passed: false, reason: "status 503", latencyMs: 1 } as const;
  const events: Event[] = [
    { type: "probe.passed", verdict: passed },
    { type: "probe.failed", verdict: failed },
    { type: "probe.leaving", verdict: { ...failed, leaving: true } },
  ];
  if (state.context.policy.fall > 1) events.push({ type: "probe.failed", verdict: { ...failed, atOnce: true } });
  if (state.context.policy.drain === "connections") {
    events.push({ type: "probe.failed", verdict: { ...failed, unreachable: true } });
    for (const active of [0, 3, undefined]) events.push({ type: "connections.counted", active });
  }
  // A timer's event is not among those that others may send.
  return state.matches({ recovering: "climbing" }) ? [...events, CLIMBED as unknown as Event] : events;
}

/** What is seen of a state itself, and after each event that can happen in it. */
function endsFrom(state: State): (readonly [Event | undefined, Seen])[] {
  const after = eventsIn(state).map(
    (event) => [event, seen(getNextSnapshot(realServerMachine, state, event))] as const,
  );
  return [[undefined, seen(state)], ...after];
}

/** Counters that have passed their threshold decide nothing more by growing. */
function keyOf({ value, context }: State): string {
  const { policy, passes, failures, connections, rampStep, unproven, isLeaving } = context;
  const counted = [Math.min(passes, policy.rise), Math.min(failures, policy.fall)];
  return JSON.stringify([value, counted, connections, rampStep, unproven, isLeaving]);
}

function chartEvent(event: Event, { drainTimeoutMs }: HealthPolicy): ChartEvent {
  switch (event.type) {
    case "probe.passed":
      return { type: "passes" };
    case "probe.failed":
      return {
        type: "fails",
        isUnreachable: event.verdict.unreachable === true,
        isLate: drainTimeoutMs === 0,
        isAtOnce: event.verdict.atOnce === true,
      };
    case "probe.leaving":
      return { type: "leaves" };
    case "connections.counted":
      return { type: "counted", connections: event.active };
    default:
      return { type: "climbs" };
  }
}

const TEN_TENTHS = atWeights(realServer(parseEndpoint("10.0.0.1:80"), 10));

interface Seen {
  readonly state: RealServerState;
  readonly tenths: number | undefined;
}

/** What the supervisor makes of it. */
function seen(state: State): Seen {
  const member = memberStateOf(
    "10.0.0.1:80",
    { ...TEN_TENTHS, hold: undefined, isDrainedByConfiguration: false, isLeaving: false },
    state.context,
  );
  const placement = placementOf(member, { retained: new Set(), draining: new Set(), unanswered: new Set() });
  return { state: member.state, tenths: typeof placement === "string" ? undefined : placement.weight };
}
