import { expect } from "bun:test";
import { createActor, fromPromise } from "xstate";
import { checks } from "../../../src/actors/checks.ts";
import type { VirtualServerInput } from "../../../src/actors/virtual-server-context.ts";
import { createVirtualServerMachine, type VirtualServerActor } from "../../../src/actors/virtual-server-machine.ts";
import { Reconciler } from "../../../src/dataplane/reconciler.ts";
import { formatEndpoint, parseEndpoint } from "../../../src/domain/endpoint.ts";
import type { CareEvent } from "../../../src/domain/events.ts";
import { PLAIN_HEALTH_POLICY, type HealthPolicy } from "../../../src/domain/health-policy.ts";
import type { ProbeOutcome } from "../../../src/domain/health.ts";
import { realServer, virtualServer } from "../../../src/domain/virtual-server.ts";
import type { CheckSchedule } from "../../../src/probe/schedule/check-schedule.ts";
import type { VirtualServerConfiguration } from "../../../src/domain/virtual-server-configuration.ts";
import { CheckScheduler } from "../../../src/probe/schedule/check-scheduler.ts";
import { MemoryDataPlane } from "../../../src/simulation/memory-data-plane.ts";
import { VirtualClock } from "../../../src/simulation/virtual-clock.ts";

export const service = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.103.97.12:6443") }, "rr");
export const A = realServer(parseEndpoint("10.0.0.1:80"));
export const B = realServer(parseEndpoint("10.0.0.2:80"));
export const C = realServer(parseEndpoint("10.0.0.3:80"));
export const D = realServer(parseEndpoint("10.0.0.4:80"));
export const INTERVAL = 5000;

const systems: VirtualServerActor[] = [];

/** For after each test. */
export function stopSystems(): void {
  for (const actor of systems.splice(0)) actor.stop();
}

/** A supervisor with its machines and checks, over a table in memory; the sets say how real servers answer. */
export function care(
  { policy, ...changes }: Partial<Omit<VirtualServerInput, "policy">> & { policy?: Partial<HealthPolicy> } = {},
  plane = new MemoryDataPlane(),
) {
  const clock = new VirtualClock();
  const dead = new Set<string>();
  const broken = new Set<string>();
  const unasked = new Set<string>();
  const tired = new Set<string>();
  const said = new Map<string, ProbeOutcome>();
  const events: CareEvent[] = [];
  const outcomes: ProbeOutcome[] = [];
  const probed: string[] = [];
  const closed: string[] = [];
  const outcomeOf = (key: string): ProbeOutcome => {
    const own = said.get(key);
    if (own !== undefined) return own;
    if (unasked.has(key)) return { passed: undefined, reason: "too many open files", latencyMs: 0 };
    if (tired.has(key)) return { passed: false, reason: "status 503", latencyMs: 1 };
    return dead.has(key)
      ? { passed: false, reason: "connect refused", unreachable: true, latencyMs: 1 }
      : { passed: true, reason: "status 200", latencyMs: 1 };
  };
  const scheduler = new CheckScheduler({
    clock,
    jitter: 0,
    random: () => 0,
    budget: { mostAtOnce: 100, perServer: undefined },
  });
  const scheduleBy = (outcome: (server: string) => ProbeOutcome, seen: string[] = []): CheckSchedule =>
    scheduler.with({
      open: (target) => ({
        check: (tell) => {
          seen.push(formatEndpoint(target));
          tell(outcome(formatEndpoint(target)));
        },
        close: () => void closed.push(formatEndpoint(target)),
      }),
    });
  const checksOf = scheduleBy(outcomeOf, probed);
  const schedule: CheckSchedule = {
    add: (target, intervalMs, report) => {
      if (broken.has(formatEndpoint(target))) throw new Error("broken on purpose");
      return checksOf.add(target, intervalMs, report);
    },
  };
  const machine = createVirtualServerMachine({
    readTable: fromPromise(() => plane.read()),
    openRounds: ({ key, now }) => new Reconciler(plane, key, now),
    checks: checks(() => ({ schedule, observe: (_, outcome) => outcomes.push(outcome) })),
  });
  const input: VirtualServerInput = {
    service,
    realServers: [A, B, C],
    policy: { ...PLAIN_HEALTH_POLICY, ...policy },
    initState: "down",
    drained: new Set(),
    holds: new Map(),
    unlisted: "remove",
    cleanupOnExit: false,
    now: clock.now,
    ...changes,
  };
  const actor = createActor(machine, { clock, input });
  actor.on("*", (event) => events.push(event));
  actor.subscribe({ error: (error) => expect(error).toBeUndefined() });
  actor.start();
  systems.push(actor);
  /** Another configuration, and another probe; what is not given stays as it was last. */
  let configuration: VirtualServerConfiguration = input;
  const configure = (next: Partial<VirtualServerConfiguration>, probe?: CheckSchedule): void => {
    configuration = { ...configuration, ...next };
    actor.send({ type: "configure", configuration, schedule: probe });
  };
  return {
    configure,
    scheduleBy,
    clock,
    plane,
    dead,
    broken,
    unasked,
    tired,
    said,
    events,
    outcomes,
    probed,
    closed,
    input,
    actor,
  };
}

export function healthChanges(events: readonly CareEvent[], server: string): string[] {
  return events.flatMap((event) =>
    event.type === "realServer.healthChanged" && event.server === server
      ? [`${event.from} → ${event.to}: ${event.reason}`]
      : [],
  );
}
