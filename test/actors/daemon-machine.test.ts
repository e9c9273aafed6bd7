import { describe, expect, test } from "bun:test";
import { createActor, fromCallback, fromPromise, toPromise } from "xstate";
import { createDaemonMachine } from "../../src/actors/daemon-machine.ts";
import { createReachMachine } from "../../src/actors/reach-machine.ts";
import { createVirtualServerMachine } from "../../src/actors/virtual-server-machine.ts";
import type { ObjectReport } from "../../src/actors/reconcile-reach.ts";
import type { VirtualServerInput } from "../../src/actors/virtual-server-context.ts";
import { Reconciler } from "../../src/dataplane/reconciler.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { PLAIN_HEALTH_POLICY } from "../../src/domain/health-policy.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import { virtualServer, type ServiceKey } from "../../src/domain/virtual-server.ts";
import { MemoryDataPlane } from "../../src/simulation/memory-data-plane.ts";
import { VirtualClock } from "../../src/simulation/virtual-clock.ts";

describe("daemon", () => {
  test("starts, serves once the table was taken over, and stops when told to", async () => {
    const { daemon, clock } = start();
    expect(daemon.getSnapshot().value).toBe("starting");
    await clock.advance(10);
    expect(daemon.getSnapshot().value).toBe("serving");
    daemon.send({ type: "shutdown" });
    await toPromise(daemon);
    expect(daemon.getSnapshot().value).toBe("stopped");
  });

  test("stops although the table never could be read", async () => {
    const { daemon, clock } = start(Infinity);
    await clock.advance(60_000);
    expect(daemon.getSnapshot().value).toBe("starting");
    daemon.send({ type: "shutdown" });
    await toPromise(daemon);
    expect(daemon.getSnapshot().value).toBe("stopped");
  });

  test("passes on another configuration, with the interval for reach, and ends when it was withdrawn", async () => {
    const { daemon, clock, plane, input, reachedAtMs } = start();
    await clock.advance(100);
    const service = { ...input.service, scheduler: "wrr" };
    daemon.send({
      type: "configure",
      configuration: { ...input, service, policy: { ...input.policy, intervalMs: 100 } },
    });
    await clock.advance(2000);
    expect(plane.service?.scheduler).toBe("wrr");
    expect(reachedAtMs.length).toBeGreaterThan(5);
    daemon.send({ type: "withdraw" });
    await clock.advance(10);
    expect(daemon.getSnapshot().value).toBe("stopped");
    expect(plane.service).toBeUndefined();
  });

  test("heeds no other configuration once it stops", async () => {
    const { daemon, clock, plane, input } = start();
    plane.apply = () => new Promise((done) => clock.setTimeout(() => done([]), 500));
    await clock.advance(100);
    daemon.send({ type: "shutdown" });
    daemon.send({ type: "configure", configuration: { ...input, policy: { ...input.policy, intervalMs: 1 } } });
    daemon.send({ type: "withdraw" });
    await clock.advance(100);
    expect(daemon.getSnapshot().value).toBe("stopping");
    await clock.advance(300);
    expect(daemon.getSnapshot().value).toBe("stopped");
  });

  test("waits for the write under way before it stops", async () => {
    const { daemon, clock, plane } = start();
    plane.apply = () => new Promise((done) => clock.setTimeout(() => done([]), 500));
    await clock.advance(100);
    daemon.send({ type: "shutdown" });
    await clock.advance(300);
    expect(daemon.getSnapshot().value).toBe("stopping");
    await clock.advance(200);
    expect(daemon.getSnapshot().value).toBe("stopped");
  });
});

// --- internal ---

function start(failingReads = 0) {
  const clock = new VirtualClock();
  const plane = new MemoryDataPlane();
  const reachedAtMs: number[] = [];
  let reads = 0;
  const read: typeof plane.read = () =>
    reads++ < failingReads
      ? Promise.reject(new LvscareError("KERNEL_REFUSED", "the kernel refused with EBUSY"))
      : plane.read();
  const supervisor = createVirtualServerMachine({
    readTable: fromPromise(read),
    openRounds: ({ key, now }) => new Reconciler(plane, key, now),
    checks: fromCallback(() => undefined),
  });
  const reach = createReachMachine({
    reconcile: fromPromise<readonly ObjectReport[], ServiceKey>(() => {
      reachedAtMs.push(clock.now());
      return Promise.resolve([{ name: "route", outcome: "stood" }]);
    }),
    watchHost: fromCallback(() => undefined),
  });
  const input: VirtualServerInput = {
    service: virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.96.0.1:443") }, "rr"),
    realServers: [],
    policy: { ...PLAIN_HEALTH_POLICY, intervalMs: 1000 },
    initState: "down",
    drained: new Set<string>(),
    holds: new Map(),
    unlisted: "remove",
    cleanupOnExit: false,
    now: clock.now,
  };
  const daemon = createActor(createDaemonMachine({ virtualServer: supervisor, reach }), {
    clock,
    input,
  }).start();
  return { daemon, clock, plane, input, reachedAtMs };
}
