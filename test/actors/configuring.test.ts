import { afterEach, describe, expect, test } from "bun:test";
import { toPromise } from "xstate";
import { virtualServerStatus, type ProcessFacts } from "../../src/actors/status.ts";
import type { VirtualServerActor } from "../../src/actors/virtual-server-machine.ts";
import type { CareEvent } from "../../src/domain/events.ts";
import { PLAIN_HEALTH_POLICY } from "../../src/domain/health-policy.ts";
import type { ProbeOutcome } from "../../src/domain/health.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { MemoryDataPlane } from "../../src/simulation/memory-data-plane.ts";
import { A, B, C, care, D, healthChanges, INTERVAL, service, stopSystems } from "./support/supervised.ts";

afterEach(stopSystems);

const ALL = "10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1";
const HOLD = { since: "2026-11-25T10:00:00.000Z", drained: true };
type Passed = Extract<ProbeOutcome, { passed: true }>;
const GOOD: Passed = { passed: true, reason: "status 200", latencyMs: 1 };
const BAD: ProbeOutcome = { passed: false, reason: "status 404", latencyMs: 1 };

describe("a configuration that changes nothing", () => {
  test("writes nothing, replaces no actor and is not told, whatever objects it consists of", async () => {
    const { clock, plane, actor, configure, events, input } = care();
    await clock.advance(3 * INTERVAL);
    const before = actor.getSnapshot().context;
    const [written, told] = [plane.written.length, events.length];
    configure(structuredClone({ service, realServers: [C, B, A], policy: input.policy, drained: new Set<string>() }));
    expect(actor.getSnapshot().context).toBe(before);
    expect(events).toHaveLength(told);
    await clock.advance(3 * INTERVAL);
    expect(plane.written).toHaveLength(written);
  });
});

describe("the virtual server itself", () => {
  test("gets another scheduler and persistence in place, and keeps what was found in the table", async () => {
    const plane = new MemoryDataPlane();
    plane.service = { ...service, flags: ["flag-1"], persistencePrefix: 24 };
    plane.servers.set("10.0.0.1:80", { ...A, forwarding: "direct-route", upperThreshold: 9 });
    const { clock, configure } = care({ realServers: [A] }, plane);
    await clock.advance(100);
    configure({ service: { ...service, scheduler: "wrr" } });
    configure({ realServers: [{ ...A, weight: 5 }] });
    await clock.advance(100);
    expect(plane.service).toMatchObject({ scheduler: "wrr", flags: ["flag-1"], persistencePrefix: 24 });
    expect(plane.servers.get("10.0.0.1:80")).toEqual({
      ...A,
      weight: 5,
      forwarding: "direct-route",
      upperThreshold: 9,
    });
    configure({ service: { ...service, scheduler: "wrr", flags: ["persistent"], persistenceTimeoutS: 300 } });
    await clock.advance(2 * INTERVAL);
    expect(plane.service).toMatchObject({ scheduler: "wrr", flags: ["persistent"], persistenceTimeoutS: 300 });
    configure({ service });
    await clock.advance(2 * INTERVAL);
    expect(plane.service).toEqual(service);
    expect(plane.written).toEqual([
      "change virtual server tcp 10.103.97.12:6443 scheduler rr → wrr",
      "set real server 10.0.0.1:80 weight 1 → 5",
      "change virtual server tcp 10.103.97.12:6443 flags flag-1 → persistent, persistenceTimeoutS 0 → 300, persistencePrefix 24 → 32",
      "change virtual server tcp 10.103.97.12:6443 scheduler wrr → rr, flags persistent → none, persistenceTimeoutS 300 → 0",
    ]);
  });
});

test("persistence that is configured from the start replaces what was found in the table", async () => {
  const plane = new MemoryDataPlane();
  plane.service = { ...service, flags: ["persistent"], persistenceTimeoutS: 60 };
  const persistent = { ...service, flags: ["persistent"], persistenceTimeoutS: 300 } as const;
  const { clock } = care({ service: persistent }, plane);
  await clock.advance(100);
  expect(plane.service).toEqual(persistent);
});

describe("real servers", () => {
  test("get another weight in place, and nobody else is written", async () => {
    const { clock, plane, configure, events, actor } = care();
    await clock.advance(3 * INTERVAL);
    const written = plane.written.length;
    const untouched = actor.getSnapshot().context.members.get("10.0.0.1:80");
    configure({ realServers: [A, { ...B, weight: 7 }, C] });
    expect(actor.getSnapshot().context.members.get("10.0.0.1:80")).toBe(untouched);
    await clock.advance(10);
    expect(plane.written.slice(written)).toEqual(["set real server 10.0.0.2:80 weight 1 → 7"]);
    await clock.advance(3 * INTERVAL);
    expect(plane.written).toHaveLength(written + 1);
    expect(healthChanges(events, "10.0.0.2:80")).toHaveLength(1);
    expect(changesTold(events)).toMatchObject([{ weights: [{ server: "10.0.0.2:80", from: 1, to: 7 }] }]);
  });

  test("that are added enter with their first good check", async () => {
    const { clock, plane, configure, dead } = care({ policy: { rise: 3 } });
    await clock.advance(100);
    dead.add("10.0.0.4:80");
    configure({ realServers: [A, B, C, D] });
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe(ALL);
    dead.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe(`${ALL} 10.0.0.4:80=1`);
  });

  test("that are added enter unchecked with init state up", async () => {
    const { clock, plane, configure, dead } = care({ initState: "up" });
    await clock.advance(100);
    dead.add("10.0.0.4:80");
    configure({ realServers: [A, B, C, D] });
    await clock.advance(0);
    expect(plane.written.at(-1)).toBe("add real server 10.0.0.4:80 weight 1");
  });

  test("that are added and stand in the table already are taken over as they are there", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.4:80", { ...D, weight: 3, forwarding: "tunnel" });
    const { clock, configure } = care({ unlisted: "keep" }, plane);
    await clock.advance(100);
    configure({ realServers: [A, B, C, D] });
    await clock.advance(INTERVAL);
    expect(plane.servers.get("10.0.0.4:80")).toMatchObject({ weight: 1, forwarding: "tunnel" });
    expect(plane.written.filter((line) => line.includes("10.0.0.4"))).toEqual([
      "set real server 10.0.0.4:80 weight 3 → 1",
    ]);
  });

  test("that are removed drain at once, are checked no more, and go when no connection is left", async () => {
    const { clock, plane, configure, events, probed, closed } = care();
    await clock.advance(100);
    plane.connections.set("10.0.0.2:80", 2);
    configure({ realServers: [A, C] });
    await clock.advance(10);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=0 10.0.0.3:80=1");
    expect(closed).toEqual(["10.0.0.2:80"]);
    const checked = probed.filter((server) => server === "10.0.0.2:80").length;
    await clock.advance(3 * INTERVAL);
    expect(plane.servers.has("10.0.0.2:80")).toBe(true);
    expect(probed.filter((server) => server === "10.0.0.2:80")).toHaveLength(checked);
    plane.connections.clear();
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.3:80=1");
    expect(events.filter(({ type }) => type === "realServer.departed")).toEqual([
      { type: "realServer.departed", server: "10.0.0.2:80" },
    ]);
    expect(events.flatMap((event) => (event.type === "plan.applied" ? event.repairs : []))).toEqual([]);
  });

  test("that are removed go after drain-timeout though they have connections, whatever drain says", async () => {
    const { clock, plane, configure } = care({ policy: { drain: "next-check", drainTimeoutMs: 4 * INTERVAL } });
    await clock.advance(100);
    plane.connections.set("10.0.0.2:80", 2);
    configure({ realServers: [A, C] });
    await clock.advance(4 * INTERVAL - 100);
    expect(plane.servers.get("10.0.0.2:80")?.weight).toBe(0);
    await clock.advance(2 * INTERVAL);
    expect(plane.servers.has("10.0.0.2:80")).toBe(false);
  });

  test("that are removed go also where those that nobody ever listed are kept", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.9:80", { ...D, endpoint: { ...D.endpoint, address: "10.0.0.9" }, weight: 3 });
    const { clock, configure } = care({ unlisted: "keep" }, plane);
    await clock.advance(100);
    configure({ realServers: [A, C] });
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.3:80=1 10.0.0.9:80=3");
  });

  test("that a whole new list replaces serve, and are checked, until a listed one has proved itself", async () => {
    const { clock, plane, configure, dead, events } = care({ realServers: [A, B] });
    await clock.advance(100);
    dead.add("10.0.0.3:80").add("10.0.0.4:80");
    configure({ realServers: [C, D] });
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1");
    // One that fails meanwhile is not listed, and does not come back.
    dead.add("10.0.0.1:80");
    await clock.advance(2 * INTERVAL);
    dead.delete("10.0.0.1:80");
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.2:80=1");
    dead.delete("10.0.0.3:80");
    await clock.advance(INTERVAL + 10);
    expect(plane.table()).toBe("10.0.0.2:80=0 10.0.0.3:80=1");
    // Nor does it when the listed one fails again.
    dead.add("10.0.0.3:80");
    await clock.advance(3 * INTERVAL);
    expect(plane.servers.has("10.0.0.2:80")).toBe(false);
    expect(events.filter(({ type }) => type === "virtualServer.emptied")).toHaveLength(1);
  });

  test("that come back while they leave are taken up as they are in the table, with what is known of them", async () => {
    const { clock, plane, configure, actor } = care({ policy: { rise: 2 } });
    await clock.advance(100);
    plane.connections.set("10.0.0.2:80", 1);
    configure({ realServers: [A, C] });
    await clock.advance(2 * INTERVAL);
    const written = plane.written.length;
    configure({ realServers: [A, B, C] });
    expect(actor.getSnapshot().context.members.get("10.0.0.2:80")?.ref.getSnapshot().context).toMatchObject({
      initial: "draining",
      history: "proven",
      unproven: false,
    });
    await clock.advance(10);
    expect(plane.servers.get("10.0.0.2:80")?.weight).toBe(0);
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe(ALL);
    expect(plane.written.slice(written)).toEqual(["set real server 10.0.0.2:80 weight 0 → 1"]);
  });

  test("that come back before they had to leave stay as they are, actors and all", async () => {
    const { clock, plane, configure, actor, dead } = care({ realServers: [A, B] });
    await clock.advance(100);
    const written = plane.written.length;
    const before = actor.getSnapshot().context.members.get("10.0.0.1:80")?.ref;
    dead.add("10.0.0.3:80");
    configure({ realServers: [C] });
    await clock.advance(INTERVAL);
    configure({ realServers: [A, B] });
    await clock.advance(3 * INTERVAL);
    expect(actor.getSnapshot().context.members.get("10.0.0.1:80")?.ref).toBe(before);
    expect(plane.written).toHaveLength(written);
  });

  test("that come back are held as operators asked for, until that is over", async () => {
    const { clock, plane, configure, actor } = care();
    await clock.advance(100);
    actor.send({ type: "operator.hold", server: "10.0.0.2:80", hold: HOLD });
    await clock.advance(100);
    configure({ realServers: [A, C] });
    await clock.advance(100);
    configure({ realServers: [A, B, C] });
    await clock.advance(2 * INTERVAL);
    expect(plane.servers.get("10.0.0.2:80")?.weight ?? 0).toBe(0);
    actor.send({ type: "operator.hold", server: "10.0.0.2:80", hold: undefined });
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe(ALL);
  });

  test("that an operator drained get no clients while they wait for a listed one", async () => {
    const { clock, plane, configure, actor, dead } = care({ realServers: [A, B] });
    await clock.advance(100);
    actor.send({ type: "operator.hold", server: "10.0.0.2:80", hold: HOLD });
    await clock.advance(100);
    dead.add("10.0.0.3:80");
    configure({ realServers: [C] });
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1");
    expect(plane.written.filter((line) => line.endsWith("10.0.0.2:80 weight 0 → 1"))).toEqual([]);
  });

  test("whose checks broke and who left before these began anew are there once when they are back", async () => {
    const { clock, configure, actor, broken, plane, probed } = care();
    await clock.advance(100);
    broken.add("10.0.0.4:80");
    configure({ realServers: [A, B, C, D] });
    await clock.advance(10);
    configure({ realServers: [A, B, C] });
    broken.clear();
    await clock.advance(10);
    configure({ realServers: [A, B, C, D] });
    await clock.advance(2000);
    probed.length = 0;
    await clock.advance(INTERVAL);
    expect(probed.filter((server) => server === "10.0.0.4:80")).toHaveLength(1);
    expect(plane.table()).toBe(`${ALL} 10.0.0.4:80=1`);
    expect(actor.getSnapshot().status).toBe("active");
  });
});

describe("the configuration's own drain", () => {
  test("takes effect at once, is not lifted by an operator, and ends with the configuration", async () => {
    const { clock, plane, configure, actor } = care();
    await clock.advance(100);
    configure({ drained: new Set(["10.0.0.2:80"]) });
    await clock.advance(0);
    expect(plane.written.at(-1)).toBe("set real server 10.0.0.2:80 weight 1 → 0");
    actor.send({ type: "operator.hold", server: "10.0.0.2:80", hold: HOLD });
    actor.send({ type: "operator.hold", server: "10.0.0.2:80", hold: undefined });
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=0 10.0.0.3:80=1");
    configure({ drained: new Set() });
    await clock.advance(10);
    expect(plane.table()).toBe(ALL);
  });

  test("has a server that proves itself enter at weight 0, and a restart finds it healthy", async () => {
    const { clock, plane, dead, events } = care({ drained: new Set(["10.0.0.2:80"]) });
    dead.add("10.0.0.2:80");
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.3:80=1");
    dead.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=0 10.0.0.3:80=1");
    expect(events.filter(({ type }) => type.startsWith("failOpen"))).toEqual([]);
    const restarted = care({ drained: new Set(["10.0.0.2:80"]) }, plane);
    await restarted.clock.advance(0);
    expect(restarted.events[0]).toMatchObject({ states: { "10.0.0.2:80": "healthy" } });
  });
});

describe("the policy", () => {
  test("holds from the next check on, and the pace of checks follows at once", async () => {
    const { clock, plane, configure, dead, probed, actor } = care({ realServers: [A, B], policy: { fall: 5 } });
    await clock.advance(100);
    const refs = [...actor.getSnapshot().context.members.values()].map(({ ref }) => ref);
    dead.add("10.0.0.1:80");
    await clock.advance(3 * INTERVAL);
    configure({ policy: { ...PLAIN_HEALTH_POLICY, fall: 2, intervalMs: 500, fastIntervalMs: 500 } });
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1");
    await clock.advance(500);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=1");
    probed.length = 0;
    await clock.advance(5000);
    expect(probed.filter((server) => server === "10.0.0.2:80")).toHaveLength(10);
    expect([...actor.getSnapshot().context.members.values()].map(({ ref }) => ref)).toEqual(refs);
  });

  test("has fail-open and the last resort begin and end with the next round", async () => {
    const { clock, plane, configure, tired, input, events } = care({ policy: { lastResort: false } });
    await clock.advance(100);
    for (const server of ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]) tired.add(server);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("");
    configure({ policy: { ...input.policy, lastResort: true } });
    await clock.advance(100);
    expect(plane.table()).toBe(ALL);
    configure({ policy: { ...input.policy, lastResort: true, panicThreshold: 50 } });
    await clock.advance(100);
    expect(plane.table()).toBe(ALL);
    expect(events.map(({ type }) => type).filter((type) => type.includes("ntered") || type.includes(".left"))).toEqual([
      "lastResort.entered",
      "failOpen.entered",
      "lastResort.left",
    ]);
  });
});

describe("a changed probe", () => {
  test("decides for each server from its first good check on, and the checks before it end", async () => {
    const { clock, plane, configure, scheduleBy, probed, closed, events } = care();
    await clock.advance(100);
    const seen: string[] = [];
    configure(
      {},
      scheduleBy(() => GOOD, seen),
    );
    await clock.advance(10);
    expect(seen.toSorted()).toEqual(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
    expect(closed.toSorted()).toEqual(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
    probed.length = 0;
    await clock.advance(2 * INTERVAL);
    expect(probed).toEqual([]);
    expect(plane.table()).toBe(ALL);
    expect(events.filter(({ type }) => type.startsWith("probe."))).toEqual([
      { type: "probe.accepted", passed: 3, failed: 0 },
    ]);
    expect(events.filter(({ type }) => type === "virtualServer.configured")).toEqual([
      { type: "virtualServer.configured", change: undefined, probe: true, returned: false },
    ]);
  });

  test("takes a server out that fails it as often as counts, while another one passes it", async () => {
    const { clock, plane, configure, scheduleBy, events } = care({ policy: { fall: 2 } });
    await clock.advance(100);
    configure(
      {},
      scheduleBy((server) => (server === "10.0.0.2:80" ? BAD : GOOD)),
    );
    await clock.advance(10);
    expect(plane.table()).toBe(ALL);
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=0 10.0.0.3:80=1");
    expect(events.findLast(({ type }) => type === "probe.accepted")).toMatchObject({ passed: 2, failed: 1 });
    expect(healthChanges(events, "10.0.0.2:80").at(-1)).toBe("healthy → draining: status 404");
  });

  test("takes a server out at once that fails it at once, whatever counts", async () => {
    const { clock, plane, configure, scheduleBy } = care({ policy: { fall: 9 } });
    await clock.advance(100);
    configure(
      {},
      scheduleBy((server) => (server === "10.0.0.2:80" ? { ...BAD, atOnce: true } : GOOD)),
    );
    await clock.advance(10);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=0 10.0.0.3:80=1");
  });

  test("brings back a server that only the probe before it failed", async () => {
    const { clock, plane, configure, scheduleBy, tired } = care({ policy: { lastResort: false } });
    for (const server of ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]) tired.add(server);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("");
    configure(
      {},
      scheduleBy(() => GOOD),
    );
    await clock.advance(10);
    expect(plane.table()).toBe(ALL);
  });

  test("that fails everywhere is suspicious: the one before it goes on deciding, until the changed one passes", async () => {
    const { clock, plane, configure, scheduleBy, dead, events, actor } = care({ policy: { fall: 2 } });
    await clock.advance(100);
    const good = new Set<string>();
    configure(
      {},
      scheduleBy((server) => (good.has(server) ? GOOD : BAD)),
    );
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(ALL);
    const servers = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
    expect(events.filter(({ type }) => type.startsWith("probe."))).toEqual([
      { type: "probe.suspicious", servers, reason: "status 404" },
    ]);
    expect(actor.getSnapshot().context.suspicion).toMatchObject({ servers, reason: "status 404" });
    dead.add("10.0.0.3:80");
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=0");
    good.add("10.0.0.1:80");
    await clock.advance(3 * INTERVAL);
    expect(plane.servers.get("10.0.0.2:80")?.weight ?? 0).toBe(0);
    expect(actor.getSnapshot().context.suspicion).toBeUndefined();
    expect(events.at(-1)?.type === "probe.accepted" || events.some(({ type }) => type === "probe.accepted")).toBe(true);
  });

  test("takes nobody out by what it found while it was suspicious", async () => {
    const { clock, plane, configure, scheduleBy, events, actor } = care({ policy: { fall: 2 } });
    await clock.advance(100);
    let isDeployed = false;
    configure(
      {},
      scheduleBy(() => (isDeployed ? GOOD : BAD)),
    );
    await clock.advance(3 * INTERVAL);
    expect(actor.getSnapshot().context.suspicion).toBeDefined();
    const toldBefore = events.length;
    isDeployed = true;
    await clock.advance(2 * INTERVAL);
    expect(actor.getSnapshot().context.suspicion).toBeUndefined();
    expect(events.slice(toldBefore).filter(({ type }) => type === "realServer.healthChanged")).toEqual([]);
    expect(events.findLast(({ type }) => type === "probe.accepted")).toMatchObject({ passed: 3, failed: 0 });
    expect(plane.table()).toBe(ALL);
  });

  test.each<[string, Partial<Passed>]>([
    ["an agent's drain", { asked: { hold: "drain" } }],
    ["an agent's maintenance", { asked: { hold: "maintenance" } }],
    ["weight 0", { advice: { weight: 0 } }],
    ["0%", { advice: { percent: 0 } }],
  ])("that passes but asks %s of all is suspicious, until one may serve by it", async (_, asks) => {
    const { clock, plane, configure, scheduleBy, events, actor } = care({ policy: { fall: 3 } });
    await clock.advance(100);
    const serving = new Set<string>();
    configure(
      {},
      scheduleBy((server) => (serving.has(server) ? GOOD : { ...GOOD, ...asks, reason: "up, but" })),
    );
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe(ALL);
    const servers = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
    expect(events.filter(({ type }) => type.startsWith("probe."))).toEqual([
      { type: "probe.suspicious", servers, reason: "up, but" },
    ]);
    serving.add("10.0.0.2:80");
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=1 10.0.0.3:80=0");
    expect(actor.getSnapshot().context.suspicion).toBeUndefined();
    expect(events.findLast(({ type }) => type === "probe.accepted")).toMatchObject({ passed: 3, failed: 0 });
  });

  test("that fails some and asks weight 0 of the others is suspicious as well", async () => {
    const { clock, plane, configure, scheduleBy, events } = care({ policy: { fall: 2 } });
    await clock.advance(100);
    let checks = 0;
    configure(
      {},
      // Failures count in a row: the first of the third server has a pass after it.
      scheduleBy((server) => {
        if (server !== "10.0.0.3:80") return { ...GOOD, advice: { weight: 0 } };
        return ++checks === 2 ? { ...GOOD, advice: { weight: 0 } } : BAD;
      }),
    );
    await clock.advance(4 * INTERVAL);
    expect(plane.table()).toBe(ALL);
    expect(events.filter(({ type }) => type.startsWith("probe."))).toHaveLength(1);
  });

  test("is not blamed for servers that are asked out by the one before it, too", async () => {
    const { clock, plane, configure, scheduleBy, said, events } = care({ realServers: [A] });
    const out: ProbeOutcome = { ...GOOD, asked: { hold: "drain" } };
    said.set("10.0.0.1:80", out);
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=0");
    configure(
      {},
      scheduleBy(() => out),
    );
    await clock.advance(2 * INTERVAL);
    expect(events.filter(({ type }) => type.startsWith("probe."))).toEqual([]);
    said.clear();
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1");
    expect(events.filter(({ type }) => type.startsWith("probe."))).toHaveLength(1);
  });

  test("stays suspicious by those who joined when those whom it failed have left, and not when nobody is left", async () => {
    const { clock, plane, configure, scheduleBy, events, actor } = care({ realServers: [A, B] });
    await clock.advance(100);
    configure(
      {},
      scheduleBy(() => BAD),
    );
    await clock.advance(2 * INTERVAL);
    expect(actor.getSnapshot().context.suspicion).toBeDefined();
    configure({ realServers: [D] });
    await clock.advance(4 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.4:80=1");
    expect(actor.getSnapshot().context.suspicion).toMatchObject({ servers: ["10.0.0.4:80"] });
    expect(events.filter(({ type }) => type.startsWith("probe."))).toHaveLength(2);
    actor.send({ type: "withdraw" });
    await clock.advance(10);
    expect(actor.getSnapshot().context.suspicion).toBeUndefined();
  });

  test("is not blamed for servers that are dead by the one before it, too", async () => {
    const { clock, configure, scheduleBy, dead, events } = care();
    for (const server of ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]) dead.add(server);
    await clock.advance(2 * INTERVAL);
    configure(
      {},
      scheduleBy(() => BAD),
    );
    await clock.advance(3 * INTERVAL);
    expect(events.filter(({ type }) => type.startsWith("probe."))).toEqual([]);
  });

  test("is proven by a server that joins with it, too", async () => {
    const { clock, plane, configure, scheduleBy, events } = care({ realServers: [A, B] });
    await clock.advance(100);
    configure(
      { realServers: [A, B, D] },
      scheduleBy((server) => (server === "10.0.0.4:80" ? GOOD : BAD)),
    );
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=0 10.0.0.4:80=1");
    expect(events.findLast(({ type }) => type === "probe.accepted")).toMatchObject({ passed: 1, failed: 2 });
  });

  test.each(["with it", "later"])("does not keep a server out that joins %s while it is suspicious", async (when) => {
    const { clock, plane, configure, scheduleBy, dead, probed, actor } = care({ realServers: [A, B] });
    await clock.advance(100);
    const good = new Set<string>();
    const seen: string[] = [];
    const changed = scheduleBy((server) => (good.has(server) ? GOOD : BAD), seen);
    if (when === "with it") configure({ realServers: [A, B, D] }, changed);
    else {
      configure({}, changed);
      await clock.advance(INTERVAL);
      configure({ realServers: [A, B, D] });
    }
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.4:80=1");
    expect(actor.getSnapshot().context.suspicion).toBeDefined();
    dead.add("10.0.0.4:80");
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.4:80=0");
    // It moves over to the changed one as the others do.
    for (const server of ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.4:80"]) good.add(server);
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.4:80=1");
    expect(actor.getSnapshot().context.suspicion).toBeUndefined();
    [probed.length, seen.length] = [0, 0];
    await clock.advance(INTERVAL);
    expect(probed).toEqual([]);
    expect(seen).toContain("10.0.0.4:80");
  });

  test("decides alone about a server that joins once it let another one serve", async () => {
    const { clock, plane, configure, scheduleBy, probed } = care({ realServers: [A, B], policy: { fall: 9 } });
    await clock.advance(100);
    configure(
      {},
      scheduleBy((server) => (server === "10.0.0.1:80" ? GOOD : BAD)),
    );
    await clock.advance(10);
    configure({ realServers: [A, B, D] });
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1");
    await clock.advance(9 * INTERVAL);
    configure({ realServers: [A, B, C, D] });
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1");
    expect(probed).not.toContain("10.0.0.3:80");
    expect(probed).not.toContain("10.0.0.4:80");
  });

  test("that nobody was checked before decides alone", async () => {
    const { clock, plane, configure, scheduleBy, probed, events } = care({ realServers: [] });
    await clock.advance(100);
    configure(
      { realServers: [A] },
      scheduleBy(() => BAD),
    );
    await clock.advance(INTERVAL);
    expect([plane.table(), probed]).toEqual(["", []]);
    expect(events.filter(({ type }) => type.startsWith("probe."))).toEqual([]);
  });

  test("that another one follows, suspicious or not, leaves the one that decided before", async () => {
    const { clock, plane, configure, scheduleBy } = care({ realServers: [A, B] });
    await clock.advance(100);
    for (const realServers of [
      [A, B, C],
      [A, B, C, D],
    ]) {
      configure(
        { realServers },
        scheduleBy(() => BAD),
      );
      await clock.advance(2 * INTERVAL);
    }
    expect(plane.table()).toBe(`${ALL} 10.0.0.4:80=1`);
  });

  test("gives way to the next one, also while it is on trial", async () => {
    const { clock, plane, configure, scheduleBy, events } = care();
    await clock.advance(100);
    const first: string[] = [];
    configure(
      {},
      scheduleBy(() => BAD, first),
    );
    await clock.advance(INTERVAL);
    configure(
      {},
      scheduleBy(() => GOOD),
    );
    await clock.advance(10);
    first.length = 0;
    await clock.advance(2 * INTERVAL);
    expect(first).toEqual([]);
    expect(plane.table()).toBe(ALL);
    expect(events.filter(({ type }) => type.startsWith("probe.")).map(({ type }) => type)).toEqual([
      "probe.suspicious",
      "probe.accepted",
    ]);
  });
});

describe("a virtual server that left the configuration", () => {
  test("drains, is deleted and ends", async () => {
    const { clock, plane, actor, events, probed } = care({ cleanupOnExit: false });
    await clock.advance(100);
    plane.connections.set("10.0.0.2:80", 2);
    actor.send({ type: "withdraw" });
    await clock.advance(10);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=0 10.0.0.3:80=0");
    probed.length = 0;
    await clock.advance(3 * INTERVAL);
    expect(probed).toEqual([]);
    expect(plane.table()).toBe("10.0.0.2:80=0");
    plane.connections.clear();
    await clock.advance(3 * INTERVAL);
    await toPromise(actor);
    expect(plane.service).toBeUndefined();
    expect(plane.written.at(-1)).toBe("delete virtual server tcp 10.103.97.12:6443");
    expect(events.filter(({ type }) => type === "virtualServer.emptied")).toEqual([]);
  });

  test("is deleted as soon as the data plane allows it", async () => {
    const { clock, plane, actor } = care({ realServers: [A] });
    await clock.advance(100);
    actor.send({ type: "withdraw" });
    await clock.advance(INTERVAL);
    const apply = plane.apply.bind(plane);
    plane.apply = () => Promise.reject(new Error("not now"));
    await clock.advance(2 * INTERVAL);
    expect(actor.getSnapshot().status).toBe("active");
    plane.apply = apply;
    await clock.advance(6 * INTERVAL);
    expect(actor.getSnapshot().status).toBe("done");
    expect(plane.service).toBeUndefined();
  });

  test("serves on when it comes back before it is gone", async () => {
    const { clock, plane, actor, configure, events } = care();
    await clock.advance(100);
    plane.connections.set("10.0.0.2:80", 2);
    actor.send({ type: "withdraw" });
    await clock.advance(2 * INTERVAL);
    configure({});
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe(ALL);
    expect(plane.written.filter((line) => line.startsWith("delete"))).toEqual([]);
    expect(events.filter(({ type }) => type === "virtualServer.configured")).toMatchObject([{ returned: true }]);
    await clock.advance(5 * INTERVAL);
    expect(plane.table()).toBe(ALL);
  });

  test("stops at once at a shutdown, and leaves the rest as it is", async () => {
    const { clock, plane, actor } = care();
    await clock.advance(100);
    plane.connections.set("10.0.0.2:80", 2);
    actor.send({ type: "withdraw" });
    await clock.advance(10);
    actor.send({ type: "shutdown" });
    await toPromise(actor);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=0 10.0.0.3:80=0");
  });

  test("ends also when it left before the table was taken over", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.1:80", A);
    const { clock, actor, configure } = care({}, plane);
    configure({ realServers: [B] });
    actor.send({ type: "withdraw" });
    await clock.advance(6 * INTERVAL);
    expect(actor.getSnapshot().status).toBe("done");
    expect(plane.service).toBeUndefined();
  });
});

describe("a configuration that comes early or at a bad time", () => {
  test("counts from the start, when the table is still to be taken over", async () => {
    const { clock, plane, configure } = care();
    configure({ realServers: [A, D], service: { ...service, scheduler: "wrr" } });
    await clock.advance(100);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.4:80=1");
    expect(plane.service?.scheduler).toBe("wrr");
  });

  test("is established by the next round, when it comes while one is written", async () => {
    const { clock, plane, configure } = care();
    const apply = plane.apply.bind(plane);
    plane.apply = (...args) => new Promise((done) => clock.setTimeout(() => done(apply(...args)), 500));
    await clock.advance(100);
    configure({ realServers: [B, { ...C, weight: 2 }, D] });
    configure({ realServers: [B, { ...C, weight: 3 }, D] });
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.2:80=1 10.0.0.3:80=3 10.0.0.4:80=1");
  });
});

describe("the status", () => {
  test("tells who drains by the configuration, who leaves, who waits for others, and a probe that is not trusted", async () => {
    const { clock, plane, actor, configure, scheduleBy, dead } = care();
    const state = (): unknown[] =>
      statusOf(actor).realServers.map(({ address, state, drainedByConfiguration, isAwaitingOthers }) =>
        [address, state, drainedByConfiguration && "by configuration", isAwaitingOthers && "awaits"]
          .filter(Boolean)
          .join(" "),
      );
    await clock.advance(100);
    plane.connections.set("10.0.0.3:80", 1);
    configure(
      { realServers: [A, B], drained: new Set(["10.0.0.2:80"]) },
      scheduleBy(() => BAD),
    );
    await clock.advance(INTERVAL);
    expect(state()).toEqual(["10.0.0.1:80 healthy", "10.0.0.2:80 drained by configuration", "10.0.0.3:80 leaving"]);
    expect(statusOf(actor).suspicion).toMatchObject({
      reason: "status 404",
      servers: ["10.0.0.1:80", "10.0.0.2:80"],
    });
    dead.add("10.0.0.4:80");
    configure({ realServers: [D], drained: new Set() });
    await clock.advance(10);
    expect(state()).toEqual([
      "10.0.0.4:80 removed",
      "10.0.0.1:80 healthy awaits",
      "10.0.0.2:80 leaving",
      "10.0.0.3:80 leaving",
    ]);
  });
});

// --- internal ---

function statusOf(actor: VirtualServerActor): VirtualServerStatus {
  const facts: ProcessFacts = {
    version: "0",
    pid: 1,
    startedAtMs: 0,
    timeOfDay: (ms) => new Date(ms),
    dataPlane: { kind: "ipvs", via: "memory" },
  };
  return virtualServerStatus(
    actor,
    { verdicts: new Map(), lacking: new Map(), checks: new Map(), requests: new Map() },
    facts,
    actor.getSnapshot().context.table,
  );
}

function changesTold(events: readonly CareEvent[]): unknown[] {
  return events.flatMap((event) => (event.type === "virtualServer.configured" ? [event.change] : []));
}
