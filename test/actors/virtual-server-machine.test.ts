import { afterEach, describe, expect, test } from "bun:test";
import { createActor, fromCallback, fromPromise, toPromise, waitFor } from "xstate";
import type { CheckCommand } from "../../src/actors/checks.ts";
import { createVirtualServerMachine, type VirtualServerPorts } from "../../src/actors/virtual-server-machine.ts";
import { Reconciler } from "../../src/dataplane/reconciler.ts";
import { formatEndpoint, parseEndpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import type { CareEvent } from "../../src/domain/events.ts";
import type { ProbeOutcome } from "../../src/domain/health.ts";
import { describeOperation } from "../../src/domain/plan.ts";
import { realServer, type ServiceKey } from "../../src/domain/virtual-server.ts";
import { MemoryDataPlane } from "../../src/simulation/memory-data-plane.ts";
import { A, B, C, care, D, healthChanges, INTERVAL, service, stopSystems } from "./support/supervised.ts";

afterEach(stopSystems);

describe("virtual server", () => {
  test("makes the service, and a dead server never enters it", async () => {
    const { clock, plane, dead } = care();
    dead.add("10.0.0.2:80");
    await clock.advance(100);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.3:80=1");
    await clock.advance(4 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.3:80=1");
    expect(plane.written.filter((line) => line.includes("10.0.0.2"))).toEqual([]);
  });

  test("drains at the first failed check, removes at the next, and brings back at the first good one", async () => {
    const { clock, plane, dead, events } = care();
    await clock.advance(100);
    dead.add("10.0.0.2:80");
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=0 10.0.0.3:80=1");
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.3:80=1");
    dead.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    expect(healthChanges(events, "10.0.0.2:80")).toEqual([
      "recovering → healthy: status 200",
      "healthy → draining: connect refused",
      "draining → removed: connect refused",
      "removed → healthy: status 200",
    ]);
  });

  test("takes a server out, and brings it back, without reading the table again", async () => {
    const { clock, plane, dead, events } = care();
    await clock.advance(100);
    const unreadable = new LvscareError("KERNEL_REFUSED", "not now");
    plane.readsFail = Array.from({ length: 100 }, () => unreadable);
    dead.add("10.0.0.2:80");
    await clock.advance(INTERVAL - 150);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=0 10.0.0.3:80=1");
    expect(plane.readsFail).toHaveLength(100);
    expect(events.filter(({ type }) => type === "plan.failed")).toEqual([]);
  });

  test("reads the table when it has nothing to write, though it be time for that", async () => {
    const { clock, plane, dead, actor } = care();
    await clock.advance(100);
    const read = plane.read.bind(plane);
    const readAtMs: number[] = [];
    plane.read = () => {
      readAtMs.push(clock.now());
      return read();
    };
    while (readAtMs.length === 0) await clock.advance(1);
    await clock.advance(INTERVAL - 2);
    const check = (server: string): void => actor.send({ type: "operator.check", server });
    dead.add("10.0.0.1:80").add("10.0.0.2:80");
    check("10.0.0.1:80");
    await clock.advance(1);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=1 10.0.0.3:80=1");
    // Found while the changes that come together wait for a round; when that begins, it is time to read, too.
    check("10.0.0.2:80");
    while (plane.servers.get("10.0.0.2:80")?.weight !== 0) await clock.advance(1);
    expect(clock.now()).toBeGreaterThan((readAtMs[0] ?? 0) + INTERVAL);
    expect(readAtMs).toHaveLength(1);
    await clock.advance(10);
    expect(readAtMs).toHaveLength(2);
  });

  test("goes on writing weights while the table cannot be read, tells so, and removes when it can", async () => {
    const { clock, plane, dead, events } = care();
    await clock.advance(100);
    const read = plane.read.bind(plane);
    plane.read = () => Promise.reject(new LvscareError("KERNEL_REFUSED", "not now"));
    await clock.advance(3 * INTERVAL);
    dead.add("10.0.0.2:80");
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=0 10.0.0.3:80=1");
    const written = events.findLast((event) => event.type === "plan.applied" && event.operations.length > 0);
    expect(written).toMatchObject({
      complete: false,
      operations: [{ kind: "server.update", server: { endpoint: B.endpoint, weight: 0 } }],
    });
    dead.delete("10.0.0.2:80");
    await clock.advance(INTERVAL + 100);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    dead.add("10.0.0.3:80");
    await clock.advance(3 * INTERVAL);
    plane.read = read;
    await clock.advance(6 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1");
  });

  test("reads again when a write shows that others changed the table meanwhile", async () => {
    const { clock, plane, dead, events } = care();
    await clock.advance(100);
    plane.servers.delete("10.0.0.2:80");
    plane.servers.delete("10.0.0.3:80");
    dead.add("10.0.0.2:80");
    await clock.advance(INTERVAL - 150);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=0 10.0.0.3:80=1");
    expect(events.filter(({ type }) => type === "plan.failed")).toEqual([]);
    expect(events.findLast(({ type }) => type === "plan.applied")).toMatchObject({
      complete: true,
      repairs: [{ kind: "server.add", server: { endpoint: C.endpoint } }],
    });
  });

  test("removes nobody by what it remembers: who was given a weight since has clients, and drains first", async () => {
    const { clock, plane, dead } = care();
    await clock.advance(100);
    dead.add("10.0.0.2:80");
    while (plane.servers.get("10.0.0.2:80")?.weight !== 0) await clock.advance(10);
    await clock.advance(INTERVAL - 50);
    plane.servers.set("10.0.0.2:80", { ...B, weight: 3 });
    const written = plane.written.length;
    while (plane.servers.has("10.0.0.2:80")) await clock.advance(10);
    expect(plane.written.slice(written)).toEqual([
      "set real server 10.0.0.2:80 weight 3 → 0",
      "remove real server 10.0.0.2:80",
    ]);
  });

  test("raises a draining server again without ever removing it", async () => {
    const { clock, plane, dead } = care();
    await clock.advance(100);
    dead.add("10.0.0.1:80");
    await clock.advance(INTERVAL);
    dead.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    expect(plane.written.filter((line) => line.startsWith("remove"))).toEqual([]);
  });

  test("waits for fall failures and for rise passes when told to", async () => {
    const { clock, plane, dead } = care({ policy: { fall: 3, rise: 2 } });
    await clock.advance(100);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    dead.add("10.0.0.1:80");
    await clock.advance(2 * INTERVAL);
    expect(plane.servers.get("10.0.0.1:80")?.weight).toBe(1);
    await clock.advance(INTERVAL);
    expect(plane.servers.get("10.0.0.1:80")?.weight).toBe(0);
    await clock.advance(INTERVAL);
    expect(plane.servers.has("10.0.0.1:80")).toBe(false);
    dead.clear();
    await clock.advance(INTERVAL);
    expect(plane.servers.has("10.0.0.1:80")).toBe(false);
    await clock.advance(INTERVAL);
    expect(plane.servers.get("10.0.0.1:80")?.weight).toBe(1);
  });

  test("adopts what stands: weight is healthy, 0 is draining, absent is removed", async () => {
    const plane = new MemoryDataPlane();
    plane.service = { ...service, flags: ["persistent"], persistenceTimeoutS: 300 };
    plane.servers.set("10.0.0.1:80", { ...A, forwarding: "direct-route" });
    plane.servers.set("10.0.0.2:80", { ...B, weight: 0 });
    const { clock, dead, events } = care({}, plane);
    for (const server of [A, B, C]) dead.add(formatEndpoint(server.endpoint));
    await clock.advance(0);
    expect(events[0]).toEqual({
      type: "virtualServer.adopted",
      existed: true,
      states: { "10.0.0.1:80": "healthy", "10.0.0.2:80": "draining", "10.0.0.3:80": "removed" },
    });
    await clock.advance(100);
    expect(plane.written).toEqual(["set real server 10.0.0.1:80 weight 1 → 0", "remove real server 10.0.0.2:80"]);
    dead.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    expect(plane.servers.get("10.0.0.1:80")?.forwarding).toBe("direct-route");
    expect(plane.service?.persistenceTimeoutS).toBe(300);
  });

  test("brings what stands to other options than it was made with, without taking anybody out on the way", async () => {
    const plane = new MemoryDataPlane();
    plane.service = { ...service, scheduler: "wlc" };
    plane.servers.set("10.0.0.1:80", { ...A, weight: 7 });
    plane.servers.set("10.0.0.2:80", { ...B, weight: 1 });
    plane.servers.set("10.0.0.4:80", { ...D, weight: 7 });
    const realServers = [A, B, C].map(({ endpoint }) => realServer(endpoint, 3));
    const { clock } = care({ realServers, policy: { fall: 3, rise: 3, drain: "connections" } }, plane);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=3 10.0.0.2:80=3 10.0.0.3:80=3");
    expect(plane.written).toEqual([
      "change virtual server tcp 10.103.97.12:6443 scheduler wlc → rr",
      "set real server 10.0.0.2:80 weight 1 → 3",
      "set real server 10.0.0.1:80 weight 7 → 3",
      "set real server 10.0.0.4:80 weight 7 → 0",
      "remove real server 10.0.0.4:80",
      "add real server 10.0.0.3:80 weight 3",
    ]);
  });

  test("enters everyone unprobed with init state up", async () => {
    const { clock, plane, dead } = care({ initState: "up" });
    dead.add("10.0.0.1:80");
    await clock.advance(0);
    expect(plane.written.slice(0, 4)).toEqual([
      "create virtual server tcp 10.103.97.12:6443 rr",
      "add real server 10.0.0.1:80 weight 1",
      "add real server 10.0.0.2:80 weight 1",
      "add real server 10.0.0.3:80 weight 1",
    ]);
  });

  test("repairs within one interval what others change, and says so", async () => {
    const { clock, plane, events } = care();
    await clock.advance(100);
    plane.servers.set("10.0.0.1:80", { ...A, weight: 5 });
    plane.servers.delete("10.0.0.2:80");
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    plane.service = undefined;
    plane.servers.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    expect(
      events.flatMap((event) => (event.type === "plan.applied" ? event.repairs : [])).map(({ kind }) => kind),
    ).toEqual(["server.add", "server.update", "service.create", "server.add", "server.add", "server.add"]);
  });

  test("drains a stranger for an interval, then removes it", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 3));
    const { clock } = care({}, plane);
    await clock.advance(100);
    expect(plane.servers.get("10.0.0.9:80")?.weight).toBe(0);
    await clock.advance(INTERVAL - 200);
    expect(plane.servers.get("10.0.0.9:80")?.weight).toBe(0);
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
  });

  test("keeps what nobody lists any more in service until one of its own is", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 1));
    const { clock, dead, events } = care({}, plane);
    for (const server of [A, B, C]) dead.add(formatEndpoint(server.endpoint));
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.9:80=1");
    dead.delete("10.0.0.1:80");
    await clock.advance(INTERVAL + 10);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.9:80=0");
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1");
    expect(events.filter(({ type }) => type === "realServer.unlisted")).toEqual([
      { type: "realServer.unlisted", server: "10.0.0.9:80", weight: 1 },
    ]);
  });

  test("does not send strangers away on the strength of a server that it took over and never saw answer", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.1:80", A);
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 3));
    const { clock, dead } = care({}, plane);
    for (const server of [A, B, C]) dead.add(formatEndpoint(server.endpoint));
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.9:80=3");
    expect(plane.written.filter((line) => line.includes("10.0.0.9"))).toEqual([]);
  });

  test("gives a draining stranger its weight back when the last of its own fails", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 3));
    const { clock, dead } = care({ realServers: [A] }, plane);
    await clock.advance(100);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.9:80=0");
    dead.add("10.0.0.1:80");
    await clock.advance(INTERVAL);
    expect(plane.servers.get("10.0.0.9:80")?.weight).toBe(3);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.9:80=3");
    dead.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.9:80=0");
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1");
  });

  test("never makes a stranger again whose owner took it away meanwhile", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 3));
    const { clock, dead } = care({}, plane);
    dead.add("10.0.0.2:80");
    await clock.advance(100);
    plane.servers.delete("10.0.0.9:80");
    plane.servers.set("10.0.0.2:80", B);
    await clock.advance(INTERVAL / 4);
    dead.clear();
    await clock.advance(3 * INTERVAL);
    expect(plane.written).not.toContain("add real server 10.0.0.9:80 weight 0");
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
  });

  test("drains a stranger for an interval from the write that succeeded", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 3));
    plane.refused.add("set real server 10.0.0.9:80 weight 3 → 0");
    const { clock } = care({}, plane);
    await clock.advance(4 * INTERVAL);
    plane.refused.clear();
    await clock.advance(INTERVAL);
    expect(plane.servers.get("10.0.0.9:80")?.weight).toBe(0);
    await clock.advance(INTERVAL / 4);
    expect(plane.servers.get("10.0.0.9:80")?.weight).toBe(0);
    await clock.advance(2 * INTERVAL);
    expect(plane.servers.has("10.0.0.9:80")).toBe(false);
  });

  test("leaves a draining stranger the weight that its owner gave it since, when the last of its own fails", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 3));
    const { clock, dead } = care({ realServers: [A] }, plane);
    await clock.advance(100);
    expect(plane.servers.get("10.0.0.9:80")?.weight).toBe(0);
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 7));
    dead.add("10.0.0.1:80");
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.9:80=7");
  });

  test("brings a removed server back with the forwarding of its fellows", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    for (const one of [A, B]) {
      plane.servers.set(formatEndpoint(one.endpoint), { ...one, forwarding: "direct-route", upperThreshold: 90 });
    }
    const { clock } = care({}, plane);
    await clock.advance(100);
    expect(plane.servers.get("10.0.0.3:80")).toEqual({ ...C, forwarding: "direct-route" });
  });

  test("writes what can be written when one operation is refused, and keeps no drain waiting for the rest", async () => {
    const plane = new MemoryDataPlane();
    plane.refused.add("add real server 10.0.0.2:80 weight 1");
    const { clock, events, dead } = care({}, plane);
    await clock.advance(4 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.3:80=1");
    const applied = events.flatMap((event) => (event.type === "plan.applied" ? event.operations : []));
    expect(applied.map(({ kind }) => kind)).toEqual(["service.create", "server.add", "server.add"]);
    const retries = events.flatMap((event) => (event.type === "plan.failed" ? [event.retryInMs] : []));
    expect(retries.at(-1)).toBe(5000);
    dead.add("10.0.0.3:80");
    const isDrained = (event: CareEvent): boolean =>
      event.type === "realServer.healthChanged" && event.to === "draining";
    for (let waited = 0; waited <= INTERVAL && !events.some(isDrained); waited += 10) await clock.advance(10);
    expect(events.some(isDrained)).toBe(true);
    await clock.advance(50);
    expect(plane.servers.get("10.0.0.3:80")?.weight).toBe(0);
    plane.refused.clear();
    await clock.advance(INTERVAL);
    expect(plane.servers.get("10.0.0.2:80")?.weight).toBe(1);
  });

  test("tells what it repairs, and who may be at it, also while another operation is refused", async () => {
    const plane = new MemoryDataPlane();
    plane.refused.add("add real server 10.0.0.2:80 weight 1");
    const { clock, events } = care({}, plane);
    await clock.advance(4 * INTERVAL);
    expect(events.flatMap((event) => (event.type === "plan.applied" ? event.repairs : []))).toEqual([]);
    for (let time = 0; time < 3; time++) {
      plane.servers.delete("10.0.0.1:80");
      await clock.advance(INTERVAL);
      expect(plane.servers.get("10.0.0.1:80")?.weight).toBe(1);
    }
    const repairs = events.flatMap((event) => (event.type === "plan.applied" ? event.repairs : []));
    expect(repairs.map(describeOperation)).toEqual(Array<string>(3).fill("add real server 10.0.0.1:80 weight 1"));
    expect(events.map(({ type }) => type)).toContain("repairs.recurring");
    plane.refused.clear();
    await clock.advance(INTERVAL);
    // What is done at last repairs nothing.
    expect(events.flatMap((event) => (event.type === "plan.applied" ? event.repairs : []))).toHaveLength(3);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
  });

  test("fails open below the threshold with those that are left, and closes by itself", async () => {
    const { clock, plane, dead, events } = care({ policy: { panicThreshold: 50 } });
    const [a, b, c] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] as const;
    await clock.advance(100);
    dead.add(a);
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe(`${b}=1 ${c}=1`);
    dead.add(b);
    await clock.advance(INTERVAL);
    dead.add(c);
    await clock.advance(10 * INTERVAL);
    expect(plane.table()).toBe(`${b}=1 ${c}=1`);
    expect(events.filter(({ type }) => type.startsWith("failOpen"))).toEqual([
      { type: "failOpen.entered", healthy: 1, total: 3, retained: [b, c] },
    ]);
    dead.delete(a);
    dead.delete(b);
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1`);
    expect(events.filter(({ type }) => type === "failOpen.left")).toHaveLength(1);
    // Nobody was ever removed before it had stood at weight 0.
    expect(plane.written.filter((line) => line.includes(c)).slice(-2)).toEqual([
      `set real server ${c} weight 1 → 0`,
      `remove real server ${c}`,
    ]);
  });

  test("fails open with everyone when nobody is left, but not before everyone was checked", async () => {
    const { clock, plane, dead, unasked } = care({ policy: { panicThreshold: 1 } });
    for (const server of [A, B, C]) dead.add(formatEndpoint(server.endpoint));
    unasked.add("10.0.0.3:80");
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("");
    unasked.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
  });

  test("drains whom fail-open held when that is over, for an interval, whatever else is written meanwhile", async () => {
    const { clock, plane, dead, events } = care({ realServers: [A, B, C, D], policy: { panicThreshold: 50 } });
    const [a, b, c, d] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"] as const;
    await clock.advance(100);
    dead.add(a).add(b);
    await clock.advance(3 * INTERVAL);
    dead.add(c);
    await clock.advance(5 * INTERVAL);
    expect(plane.table()).toBe(`${c}=1 ${d}=1`);
    dead.delete(a);
    dead.delete(b);
    const weights: (number | undefined)[] = [1];
    while (weights.at(-1) !== undefined) {
      await clock.advance(50);
      weights.push(plane.servers.get(c)?.weight);
    }
    // Both others came back within this time, each with a round of its own.
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${d}=1`);
    expect(events.filter(({ type }) => type === "failOpen.left")).toHaveLength(1);
    expect(weights.filter((weight) => weight === 0).length * 50).toBeWithin(INTERVAL / 2, 2 * INTERVAL);
  });

  test("drains anew whom others give a weight while it drains after fail-open", async () => {
    const { actor, clock, plane, dead } = care({ realServers: [A, B, C, D], policy: { panicThreshold: 50 } });
    const [a, b, c, d] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"] as const;
    const startRound = async (weight: number): Promise<void> => {
      actor.send({ type: "operator.hold", server: d, hold: { since: "2026-11-25", drained: false, weight } });
      await clock.advance(50);
    };
    await clock.advance(100);
    dead.add(a).add(b);
    await clock.advance(3 * INTERVAL);
    dead.add(c);
    await clock.advance(5 * INTERVAL);
    dead.delete(a);
    dead.delete(b);
    while (plane.servers.get(c)?.weight !== 0) await clock.advance(50);
    await clock.advance(0.7 * INTERVAL);
    plane.servers.set(c, { ...C, weight: 3 });
    await startRound(2);
    expect(plane.servers.get(c)?.weight).toBe(0);
    // By its first time at weight 0 it could go, by its second not.
    await startRound(3);
    expect(plane.servers.get(c)?.weight).toBe(0);
    while (plane.servers.has(c)) await clock.advance(50);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${d}=3`);
    // Once it is gone all of this is over: who puts it there again does not make it one that fail-open held.
    plane.servers.set(c, { ...C, weight: 3 });
    await clock.advance(INTERVAL);
    expect(plane.servers.get(c)?.weight).toBe(0);
    await startRound(4);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${d}=4`);
  });

  test("waits for the connections of whom fail-open held when told to, and holds it again should the need come back", async () => {
    const policy = { panicThreshold: 50, drain: "connections", drainTimeoutMs: 4 * INTERVAL } as const;
    const { clock, plane, dead, tired } = care({ policy });
    const [a, b, c] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] as const;
    await clock.advance(100);
    dead.add(a);
    await clock.advance(3 * INTERVAL);
    dead.add(b);
    tired.add(c);
    plane.connections.set(c, 3);
    await clock.advance(8 * INTERVAL);
    expect(plane.table()).toBe(`${b}=1 ${c}=1`);
    dead.clear();
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=0`);
    dead.add(b);
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=1`);
    dead.clear();
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=0`);
    plane.connections.clear();
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1`);
  });

  test("waits for the connections of one that was seen without any before fail-open held it", async () => {
    const policy = { panicThreshold: 50, drain: "connections", drainTimeoutMs: 3_600_000 } as const;
    const { actor, clock, plane, dead, tired } = care({ policy });
    const [a, b, c] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] as const;
    const check = async (server: string): Promise<void> => {
      actor.send({ type: "operator.check", server });
      await clock.advance(50);
    };
    await clock.advance(100);
    tired.add(c);
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=0`);
    dead.add(a);
    await check(a);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=1`);
    plane.connections.set(c, 2);
    dead.clear();
    await check(a);
    await check(c);
    await clock.advance(4 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=0`);
    plane.connections.clear();
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1`);
  });

  test.each([
    ["connections", 1.8 * INTERVAL, 2 * INTERVAL],
    ["next-check", 0.4 * INTERVAL, INTERVAL / 2],
  ] as const)(
    "drains by %s from the end of fail-open on who drained when that began",
    async (drain, heldMs, leastMs) => {
      const policy = { panicThreshold: 50, drain, drainTimeoutMs: 2 * INTERVAL };
      const { actor, clock, plane, dead, tired } = care({ policy });
      const [a, b, c] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] as const;
      const check = async (server: string): Promise<void> => {
        actor.send({ type: "operator.check", server });
        await clock.advance(50);
      };
      await clock.advance(100);
      plane.connections.set(c, 2);
      tired.add(c);
      await check(c);
      dead.add(a);
      await check(a);
      expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=1`);
      await clock.advance(heldMs);
      dead.clear();
      await check(a);
      expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=0`);
      const sinceMs = clock.now();
      await check(c);
      while (plane.servers.has(c)) await clock.advance(50);
      expect(clock.now() - sinceMs).toBeWithin(leastMs - 100, leastMs + 2 * INTERVAL);
    },
  );

  test("waits for no connections of one that fail-open held and that cannot be reached by now, nor for anybody's for ever", async () => {
    const policy = { panicThreshold: 50, drain: "connections", drainTimeoutMs: 4 * INTERVAL } as const;
    const { clock, plane, dead, tired } = care({ realServers: [A, B, C, D], policy });
    const [a, b, c, d] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"] as const;
    await clock.advance(100);
    for (const server of [a, b, c, d]) {
      tired.add(server);
      plane.connections.set(server, 3);
    }
    await clock.advance(20 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=1 ${d}=1`);
    // It was unwell when it was held; that it is worse by now is news.
    tired.delete(c);
    dead.add(c);
    await clock.advance(2 * INTERVAL);
    tired.delete(a);
    tired.delete(b);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${d}=0`);
    await clock.advance(4 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1`);
  });

  test("takes nobody out while it fails open, not even one that was climbing when it began", async () => {
    const heavy = [A, B, C, D].map(({ endpoint }) => realServer(endpoint, 10));
    const { clock, plane, dead } = care({ realServers: heavy, policy: { panicThreshold: 50, slowStartMs: 3_600_000 } });
    const [a, b, c, d] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"] as const;
    await clock.advance(100);
    dead.add(a);
    await clock.advance(3 * INTERVAL);
    dead.clear();
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=10 ${c}=10 ${d}=10`);
    dead.add(b).add(c);
    await clock.advance(5 * INTERVAL);
    expect(plane.servers.get(a)?.weight).toBe(1);
    dead.add(a);
    await clock.advance(5 * INTERVAL);
    expect(plane.servers.get(a)?.weight).toBe(10);
    expect(plane.written.filter((line) => line.startsWith(`remove real server ${a}`))).toHaveLength(1);
  });

  test("empties nothing while all fail that still accept connections, and serves with the first that passes alone", async () => {
    const { clock, plane, tired, events } = care();
    const [a, b, c] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] as const;
    await clock.advance(100);
    for (const server of [a, b, c]) {
      tired.add(server);
      await clock.advance(2 * INTERVAL);
      if (server !== c) expect(plane.table()).not.toContain(server);
    }
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=1`);
    const lowered = plane.written.filter((line) => line.endsWith("weight 1 → 0"));
    await clock.advance(10 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=1`);
    // Not for a moment was there nobody: the last of them never lost its weight.
    expect(lowered).toEqual([`set real server ${a} weight 1 → 0`, `set real server ${b} weight 1 → 0`]);
    tired.delete(b);
    while (plane.servers.get(a)?.weight !== 0) await clock.advance(50);
    expect(plane.table()).toBe(`${a}=0 ${b}=1 ${c}=0`);
    await clock.advance(INTERVAL / 2 - 100);
    expect(plane.table()).toBe(`${a}=0 ${b}=1 ${c}=0`);
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe(`${b}=1`);
    expect(events.filter(({ type }) => type.startsWith("lastResort"))).toEqual([
      { type: "lastResort.entered", total: 3, retained: [a, b, c] },
      { type: "lastResort.left", healthy: 1, total: 3 },
    ]);
  });

  test("lets a last resort go that refuses by now, takes it back when it accepts again, and leaves nobody in who refuses", async () => {
    const { clock, plane, dead, tired, events } = care({ policy: { downIntervalMs: INTERVAL / 5 } });
    const [a, b, c] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] as const;
    await clock.advance(100);
    for (const server of [a, b, c]) tired.add(server);
    await clock.advance(4 * INTERVAL);
    tired.delete(a);
    dead.add(a);
    await clock.advance(INTERVAL / 4);
    expect(plane.table()).toBe(`${a}=0 ${b}=1 ${c}=1`);
    await clock.advance(1.5 * INTERVAL);
    expect(plane.table()).toBe(`${b}=1 ${c}=1`);
    dead.delete(a);
    tired.add(a);
    // Heard of at its next check, not at the next reading of the table.
    await clock.advance(INTERVAL / 4);
    expect(plane.table()).toBe(`${a}=1 ${b}=1 ${c}=1`);
    tired.clear();
    for (const server of [a, b, c]) dead.add(server);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("");
    expect(events.filter(({ type }) => type === "lastResort.left")).toEqual([
      { type: "lastResort.left", healthy: 0, total: 3 },
    ]);
  });

  test("gives a server whose clients get no answer weight 0 at once, while another one serves, and its weight back with the answer", async () => {
    const { clock, plane, actor, events } = care({ realServers: [A, B] });
    const [a, b] = ["10.0.0.1:80", "10.0.0.2:80"] as const;
    await clock.advance(100);
    actor.send({ type: "answer.missing", server: a, afterMs: 100 });
    await clock.advance(0);
    expect(plane.table()).toBe(`${a}=0 ${b}=1`);
    // With nobody else to serve, it is better than nothing.
    actor.send({ type: "answer.missing", server: b, afterMs: 100 });
    await clock.advance(50);
    expect(plane.table()).toBe(`${a}=1 ${b}=1`);
    actor.send({ type: "answer.came", server: b });
    await clock.advance(50);
    expect(plane.table()).toBe(`${a}=0 ${b}=1`);
    actor.send({ type: "answer.came", server: a });
    await clock.advance(50);
    expect(plane.table()).toBe(`${a}=1 ${b}=1`);
    actor.send({ type: "answer.missing", server: "10.0.0.9:80", afterMs: 100 });
    expect(events.filter(({ type }) => type.endsWith("answered"))).toEqual([
      { type: "realServer.unanswered", server: a, afterMs: 100 },
      { type: "realServer.unanswered", server: b, afterMs: 100 },
      { type: "realServer.answered", server: b },
      { type: "realServer.answered", server: a },
    ]);
  });

  test("takes no last resort that never served, or that refuses, or while one is healthy, or that an operator drained", async () => {
    const since = "2026-11-25T10:00:00.000Z";
    const { clock, plane, dead, tired, actor } = care({ realServers: [A, B, C, D] });
    const [a, b, c, d] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"] as const;
    tired.add(a);
    await clock.advance(100);
    tired.add(b);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${c}=1 ${d}=1`);
    actor.send({ type: "operator.hold", server: c, hold: { since, drained: true } });
    await clock.advance(100);
    tired.add(c);
    dead.add(d);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${b}=1`);
    // Whom an operator drains while others are held keeps its connections.
    actor.send({ type: "operator.hold", server: c, hold: undefined });
    await clock.advance(100);
    expect(plane.table()).toBe(`${b}=1 ${c}=1`);
    actor.send({ type: "operator.hold", server: c, hold: { since, drained: true } });
    await clock.advance(5 * INTERVAL);
    expect(plane.table()).toBe(`${b}=1 ${c}=0`);
  });

  test("holds nobody in service whose agent decided otherwise, and counts that as no failure", async () => {
    const decided: ProbeOutcome = { passed: false, reason: "stopped", decided: true, atOnce: true, latencyMs: 1 };
    const held: ProbeOutcome = { passed: true, reason: "up", asked: { hold: "maintenance" }, latencyMs: 1 };
    const { clock, plane, tired, said, events } = care({ policy: { panicThreshold: 50 } });
    const [a, b, c] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] as const;
    await clock.advance(100);
    said.set(a, decided);
    said.set(b, held);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${b}=0 ${c}=1`);
    expect(events.filter(({ type }) => type.startsWith("failOpen"))).toEqual([]);
    tired.add(c);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${b}=0 ${c}=1`);
    said.clear();
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1`);
  });

  test("keeps a last resort over a new start of the daemon and of its machine, and takes none when told not to", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    for (const server of [A, B]) plane.servers.set(formatEndpoint(server.endpoint), server);
    const { clock, tired, actor } = care({ realServers: [A, B] }, plane);
    tired.add("10.0.0.1:80").add("10.0.0.2:80");
    await clock.advance(5 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1");
    const { ref } = actor.getSnapshot().context.members.get("10.0.0.1:80") ?? {};
    ref?.send({ type: "checks.broke", error: new Error("broken on purpose") });
    await clock.advance(5 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1");
    const without = care({ policy: { lastResort: false } });
    await without.clock.advance(100);
    for (const server of [A, B, C]) without.tired.add(formatEndpoint(server.endpoint));
    await without.clock.advance(3 * INTERVAL);
    expect(without.plane.table()).toBe("");
  });

  test("fails open once the last resort holds somebody, and not only when a check tells something new", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    const policy = { panicThreshold: 50, rise: 2, fastIntervalMs: 10 * INTERVAL };
    const { clock, unasked, events } = care({ policy }, plane);
    unasked.add("10.0.0.2:80").add("10.0.0.3:80");
    await clock.advance(100);
    expect(plane.table()).toBe("10.0.0.1:80=1");
    await clock.advance(INTERVAL);
    expect(events.filter(({ type }) => /^(lastResort|failOpen)/.test(type))).toEqual([
      { type: "lastResort.entered", total: 3, retained: ["10.0.0.1:80"] },
      { type: "failOpen.entered", healthy: 0, total: 3, retained: ["10.0.0.1:80"] },
      { type: "lastResort.left", healthy: 0, total: 3 },
    ]);
    expect(plane.table()).toBe("10.0.0.1:80=1");
  });

  test("goes from the last resort to fail-open without cutting anybody off", async () => {
    const { clock, plane, tired, unasked } = care({ policy: { panicThreshold: 1 } });
    const [a, b] = ["10.0.0.1:80", "10.0.0.2:80"] as const;
    unasked.add("10.0.0.3:80");
    await clock.advance(100);
    tired.add(a);
    await clock.advance(3 * INTERVAL);
    tired.add(b);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1`);
    const before = plane.written.length;
    unasked.clear();
    tired.add("10.0.0.3:80");
    await clock.advance(5 * INTERVAL);
    expect(plane.table()).toBe(`${a}=1 ${b}=1`);
    expect(plane.written.slice(before)).toEqual([]);
  });

  test("does not take an empty table for a reason to send clients to the dead", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    const { clock, dead } = care({ policy: { panicThreshold: 50 } }, plane);
    dead.add("10.0.0.3:80");
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1");
    expect(plane.written.filter((line) => line.includes("10.0.0.3"))).toEqual([]);
  });

  test("climbs to the weight in a slow start", async () => {
    const slow = realServer(parseEndpoint("10.0.0.1:80"), 20);
    const { clock, plane, dead } = care({ realServers: [slow], policy: { slowStartMs: 10_000 } });
    await clock.advance(100);
    expect(plane.table()).toBe("10.0.0.1:80=20");
    dead.add("10.0.0.1:80");
    await clock.advance(3 * INTERVAL);
    dead.clear();
    await clock.advance(INTERVAL + 10_000);
    expect(plane.table()).toBe("10.0.0.1:80=20");
    const weights = plane.written.slice(plane.written.findLastIndex((line) => line.startsWith("add")));
    expect(weights).toEqual([
      "add real server 10.0.0.1:80 weight 2",
      ...Array.from({ length: 9 }, (_, n) => `set real server 10.0.0.1:80 weight ${2 * n + 2} → ${2 * n + 4}`),
    ]);
  });

  test("waits for open connections when told to, as its data plane counts them", async () => {
    const { clock, plane, dead, tired } = care({ policy: { drain: "connections", drainTimeoutMs: 3_600_000 } });
    await clock.advance(100);
    plane.connections.set("10.0.0.1:80", 2);
    tired.add("10.0.0.1:80");
    await clock.advance(10 * INTERVAL);
    expect(plane.servers.get("10.0.0.1:80")?.weight).toBe(0);
    plane.connections.clear();
    await clock.advance(3 * INTERVAL);
    expect(plane.servers.has("10.0.0.1:80")).toBe(false);
    plane.connections.set("10.0.0.2:80", 2);
    dead.add("10.0.0.2:80");
    await clock.advance(2 * INTERVAL);
    expect(plane.servers.has("10.0.0.2:80")).toBe(false);
  });

  test("waits for the connections of one that was seen without any, when somebody gave it a weight since", async () => {
    const { clock, plane, tired } = care({ policy: { rise: 3, drain: "connections", drainTimeoutMs: 3_600_000 } });
    const a = "10.0.0.1:80";
    await clock.advance(100);
    tired.add(a);
    while (plane.servers.get(a)?.weight !== 0) await clock.advance(1);
    // It is seen without connections, and one good check keeps it from going at once.
    tired.delete(a);
    await clock.advance(INTERVAL + 100);
    plane.servers.set(a, A);
    plane.connections.set(a, 2);
    while (plane.servers.get(a)?.weight !== 0) await clock.advance(1);
    tired.add(a);
    await clock.advance(4 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=1 10.0.0.3:80=1");
    plane.connections.clear();
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.2:80=1 10.0.0.3:80=1");
  });

  test("counts connections also while something else cannot be written", async () => {
    const { clock, plane, tired } = care({ policy: { drain: "connections", drainTimeoutMs: 3_600_000 } });
    await clock.advance(100);
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 0));
    plane.refused.add("remove real server 10.0.0.9:80");
    await clock.advance(2 * INTERVAL);
    tired.add("10.0.0.1:80");
    await clock.advance(6 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.2:80=1 10.0.0.3:80=1 10.0.0.9:80=0");
  });

  test("says when somebody keeps undoing its work", async () => {
    const { clock, plane, events } = care();
    await clock.advance(100);
    for (let times = 0; times < 5; times++) {
      plane.service = undefined;
      plane.servers.clear();
      await clock.advance(INTERVAL);
    }
    expect(events.filter(({ type }) => type === "repairs.recurring")).toHaveLength(1);
    await clock.advance(60_000);
    plane.service = undefined;
    await clock.advance(INTERVAL);
    expect(events.filter(({ type }) => type === "repairs.recurring")).toHaveLength(1);
  });

  test("takes a check that could not be made for no verdict at all", async () => {
    const { clock, plane, unasked, outcomes } = care();
    await clock.advance(100);
    for (const server of [A, B, C]) unasked.add(formatEndpoint(server.endpoint));
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    expect(outcomes.at(-1)).toEqual({ passed: undefined, reason: "too many open files", latencyMs: 0 });
  });

  test("leaves strangers alone when told to keep them, but not our own removed servers", async () => {
    const plane = new MemoryDataPlane();
    const { clock, dead } = care({ unlisted: "keep" }, plane);
    dead.add("10.0.0.2:80");
    await clock.advance(100);
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 3));
    plane.servers.set("10.0.0.2:80", B);
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.3:80=1 10.0.0.9:80=3");
  });

  test("writes the first one that serves at once, while others share a round, so that who hears of it finds it in service", async () => {
    const { clock, plane, actor } = care();
    const heard: string[] = [];
    actor.on("realServer.healthChanged", ({ server, to }) => {
      // Events are delivered in a later turn of the event loop, see `EventBus`.
      setImmediate(() => heard.push(`${server} ${to}: ${plane.table()}`));
    });
    while (heard.length === 0) await clock.advance(0);
    expect(heard[0]).toBe("10.0.0.1:80 healthy: 10.0.0.1:80=1");
    await clock.advance(100);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
  });

  test("lets changes that come close together share a round", async () => {
    const many = Array.from({ length: 100 }, (_, index) => realServer(parseEndpoint(`10.0.1.${index}:80`)));
    const { clock, plane, actor } = care({ realServers: many });
    await clock.advance(INTERVAL - 1);
    expect(plane.servers.size).toBe(100);
    expect(actor.getSnapshot().context.counts.applies).toBeLessThan(20);
  });

  test("writes in the midst of many failures, though no timer gets a turn between them", async () => {
    let heldUpMs = 0;
    let clockMs = (): number => 0;
    const { clock, plane, actor } = care({ now: () => clockMs() + heldUpMs });
    clockMs = clock.now;
    await clock.advance(100);
    const verdict = { passed: false, reason: "connect refused", unreachable: true, latencyMs: 1 } as const;
    const fail = async (key: string): Promise<void> => {
      actor.getSnapshot().context.members.get(key)?.ref.send({ type: "probe.failed", verdict });
      await clock.advance(0);
    };
    await fail("10.0.0.1:80");
    await fail("10.0.0.2:80");
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=1 10.0.0.3:80=1");
    heldUpMs = 1000;
    await fail("10.0.0.3:80");
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=0 10.0.0.3:80=0");
  });

  test("backs off while the data plane fails, never writes twice at once, and converges when it works again", async () => {
    const plane = new MemoryDataPlane();
    const fault = new LvscareError("KERNEL_REFUSED", "EBUSY");
    plane.faults = [fault, fault, fault];
    plane.readsFail = [fault];
    const { clock, events, dead } = care({}, plane);
    await clock.advance(2000);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    for (const key of ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]) dead.add(key);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("");
    expect(plane.mostAtOnce).toBe(1);
    expect(events.flatMap((event) => (event.type === "plan.failed" ? [event.retryInMs] : []))).toEqual([
      100, 100, 200, 400,
    ]);
  });

  test("starts a real server anew when its actor breaks", async () => {
    const { clock, plane, broken, events } = care();
    broken.add("10.0.0.2:80");
    await clock.advance(100);
    expect(events.map(({ type }) => type)).toContain("realServer.restarted");
    broken.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
  });

  test("checks no server whose actor broke until that starts anew", async () => {
    const { clock, probed, closed, actor } = care();
    await clock.advance(100);
    probed.length = 0;
    const { ref } = actor.getSnapshot().context.members.get("10.0.0.2:80") ?? {};
    ref?.send({ type: "checks.broke", error: new Error("on purpose") });
    await clock.advance(950);
    expect(closed).toEqual(["10.0.0.2:80"]);
    expect(probed).not.toContain("10.0.0.2:80");
    await clock.advance(100);
    expect(probed).toContain("10.0.0.2:80");
  });

  const broken = (): never => {
    throw new Error("broken on purpose");
  };

  test.each<[string, Partial<VirtualServerPorts>]>([
    ["checks", { checks: fromCallback<CheckCommand, ServiceKey>(broken) }],
    ["writer", { openRounds: broken }],
    ["writer, at a round", { openRounds: () => ({ apply: broken, close: () => undefined }) }],
    ["checks, at a command", { checks: fromCallback<CheckCommand, ServiceKey>(({ receive }) => receive(broken)) }],
  ])("breaks with its %s, instead of caring blindly", async (_, ports) => {
    const errors: unknown[] = [];
    const { input, plane } = care();
    const machine = createVirtualServerMachine({
      readTable: fromPromise(() => plane.read()),
      openRounds: ({ key, now }) => new Reconciler(plane, key, now),
      checks: fromCallback<CheckCommand, ServiceKey>(() => undefined),
      ...ports,
    });
    const actor = createActor(machine, { input });
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    await waitFor(actor, ({ status }) => status !== "active").catch(() => undefined);
    expect(actor.getSnapshot().status).toBe("error");
    expect(errors).toEqual([new Error("broken on purpose")]);
  });

  test("holds what an operator asked for over the health of a server, whatever becomes of that", async () => {
    const { clock, plane, dead, events, actor } = care();
    await clock.advance(100);
    const since = "2026-11-25T10:00:00.000Z";
    actor.send({ type: "operator.hold", server: "10.0.0.1:80", hold: { since, drained: true } });
    actor.send({ type: "operator.hold", server: "10.0.0.2:80", hold: { since, drained: false, weight: 7 } });
    actor.send({ type: "operator.hold", server: "10.9.9.9:80", hold: { since, drained: true } });
    await clock.advance(100);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=7 10.0.0.3:80=1");
    expect(healthChanges(events, "10.0.0.1:80")).toEqual(["recovering → healthy: status 200"]);
    expect(events.filter(({ type }) => type === "realServer.held")).toHaveLength(2);
    // It fails and comes back: still held.
    dead.add("10.0.0.1:80").add("10.0.0.2:80");
    await clock.advance(2 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.3:80=1");
    dead.clear();
    await clock.advance(INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=7 10.0.0.3:80=1");
    for (const server of ["10.0.0.1:80", "10.0.0.2:80"]) actor.send({ type: "operator.hold", server, hold: undefined });
    await clock.advance(100);
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    expect(events.flatMap((event) => (event.type === "plan.applied" ? event.repairs : []))).toEqual([]);
  });

  test("takes weight 0 of a server that an operator drained for no failure, when it starts", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.1:80", { ...A, weight: 0 });
    plane.servers.set("10.0.0.2:80", { ...B, weight: 0 });
    const holds = new Map([["10.0.0.1:80", { since: "2026-11-25T10:00:00.000Z", drained: true }]]);
    const { clock, events } = care({ holds, policy: { rise: 3 } }, plane);
    await clock.advance(100);
    expect(events[0]).toMatchObject({ states: { "10.0.0.1:80": "healthy", "10.0.0.2:80": "draining" } });
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=1 10.0.0.3:80=1");
  });

  test("fails open by those that no operator drained, and leaves the drained ones out", async () => {
    const since = "2026-11-25T10:00:00.000Z";
    const { clock, plane, dead, events, actor } = care({ policy: { panicThreshold: 50 } });
    await clock.advance(100);
    for (const server of ["10.0.0.1:80", "10.0.0.2:80"])
      actor.send({ type: "operator.hold", server, hold: { since, drained: true } });
    await clock.advance(INTERVAL);
    // One of one is healthy.
    expect(events.filter(({ type }) => type === "failOpen.entered")).toEqual([]);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=0 10.0.0.3:80=1");
    dead.add("10.0.0.3:80");
    await clock.advance(2 * INTERVAL);
    expect(events.filter(({ type }) => type === "failOpen.entered")).toEqual([
      { type: "failOpen.entered", healthy: 0, total: 1, retained: ["10.0.0.3:80"] },
    ]);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.2:80=0 10.0.0.3:80=1");
  });

  test("tells once that nobody is left in service, and once that it is over, and not while a start has checked nobody", async () => {
    const { clock, dead, unasked, events, actor } = care({ realServers: [A, B] });
    const [a, b] = ["10.0.0.1:80", "10.0.0.2:80"] as const;
    const told = (): string[] =>
      events.flatMap(({ type }) => (/^virtualServer.(emptied|refilled)$/.test(type) ? [type] : []));
    dead.add(a);
    unasked.add(b);
    await clock.advance(3 * INTERVAL);
    expect(told()).toEqual([]);
    unasked.clear();
    dead.add(b);
    await clock.advance(5 * INTERVAL);
    expect(told()).toEqual(["virtualServer.emptied"]);
    dead.clear();
    await clock.advance(3 * INTERVAL);
    expect(told()).toEqual(["virtualServer.emptied", "virtualServer.refilled"]);
    const hold = { since: "2026-11-25", drained: true };
    for (const server of [a, b]) actor.send({ type: "operator.hold", server, hold });
    await clock.advance(5 * INTERVAL);
    expect(told().slice(2)).toEqual(["virtualServer.emptied"]);
    expect(events.findLast(({ type }) => type === "virtualServer.emptied")).toEqual({
      type: "virtualServer.emptied",
      virtualServer: "tcp 10.103.97.12:6443",
    });
    actor.send({ type: "operator.hold", server: a, hold: undefined });
    await clock.advance(INTERVAL);
    expect(told().slice(3)).toEqual(["virtualServer.refilled"]);
  });

  test("tells that nobody is in service where those that are not failed cannot be checked, and once that is over", async () => {
    const { clock, dead, unasked, events, actor } = care({ realServers: [A, B] });
    const told = (): string[] =>
      events.flatMap(({ type }) => (/^virtualServer.(emptied|refilled)$/.test(type) ? [type] : []));
    dead.add("10.0.0.1:80");
    unasked.add("10.0.0.2:80");
    await clock.advance(3 * INTERVAL);
    expect(told()).toEqual([]);
    for (let time = 0; time < 2; time++) {
      actor.send({ type: "check.impossible", server: "10.0.0.2:80" });
      await clock.advance(INTERVAL);
      expect(told()).toEqual(["virtualServer.emptied"]);
    }
    unasked.clear();
    await clock.advance(3 * INTERVAL);
    expect(told()).toEqual(["virtualServer.emptied", "virtualServer.refilled"]);
  });

  test("is failing for as long as nothing can be written, whatever happens meanwhile", async () => {
    const { clock, plane, actor, dead } = care();
    const failing = (): string | undefined => actor.getSnapshot().context.trouble.failing?.message;
    await clock.advance(100);
    expect(failing()).toBeUndefined();
    const read = plane.read.bind(plane);
    const apply = plane.apply.bind(plane);
    plane.read = () => Promise.reject(new LvscareError("KERNEL_REFUSED", "not permitted"));
    plane.apply = (_, operations) =>
      Promise.resolve(
        operations.map((operation) => ({ operation, error: new LvscareError("KERNEL_REFUSED", "not permitted") })),
      );
    await clock.advance(INTERVAL + 100);
    expect(failing()).toBe("not permitted");
    // A round that finds nothing to write shows nothing.
    actor.send({
      type: "operator.hold",
      server: "10.0.0.1:80",
      hold: { since: "2026-11-25", drained: false, weight: 1 },
    });
    await clock.advance(20);
    expect(failing()).toBe("not permitted");
    dead.add("10.0.0.2:80");
    await clock.advance(3 * INTERVAL);
    expect(failing()).toContain("not permitted");
    plane.read = read;
    plane.apply = apply;
    await clock.advance(2 * INTERVAL);
    expect(failing()).toBeUndefined();
    expect(plane.table()).toBe("10.0.0.1:80=1 10.0.0.3:80=1");
  });

  test("blames nobody for its own removal of those that nobody lists, but for a weight that they get meanwhile", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    for (const server of [A, B, C]) plane.servers.set(formatEndpoint(server.endpoint), server);
    const { clock, events } = care({ realServers: [A] }, plane);
    const repairs = (): string[] =>
      events.flatMap((event) => (event.type === "plan.applied" ? event.repairs.map(describeOperation) : []));
    while (plane.servers.get("10.0.0.2:80")?.weight !== 0) await clock.advance(50);
    plane.servers.set("10.0.0.3:80", { ...C, weight: 7 });
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1");
    expect(repairs()).toEqual(["set real server 10.0.0.3:80 weight 7 → 0"]);
  });

  test("blames nobody for the removal of one that it did not see drain", async () => {
    const { clock, plane, dead, events } = care({ policy: { intervalMs: 10 * INTERVAL, fastIntervalMs: INTERVAL } });
    await clock.advance(100);
    // Out and gone between two rounds: written at once are both.
    const apply = plane.apply.bind(plane);
    const held = Promise.withResolvers<void>();
    plane.apply = (...args) => held.promise.then(() => apply(...args));
    dead.add("10.0.0.2:80").add("10.0.0.3:80");
    await clock.advance(25 * INTERVAL);
    held.resolve();
    await clock.advance(25 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1");
    expect(events.flatMap((event) => (event.type === "plan.applied" ? event.repairs : []))).toEqual([]);
  });

  test("sends no stranger away for a server that an operator drained", async () => {
    const plane = new MemoryDataPlane();
    plane.service = service;
    plane.servers.set("10.0.0.9:80", realServer(parseEndpoint("10.0.0.9:80"), 3));
    const hold = { since: "2026-11-25T10:00:00.000Z", drained: true };
    const { clock, actor } = care({ realServers: [A], holds: new Map([["10.0.0.1:80", hold]]) }, plane);
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=0 10.0.0.9:80=3");
    actor.send({ type: "operator.hold", server: "10.0.0.1:80", hold: undefined });
    await clock.advance(3 * INTERVAL);
    expect(plane.table()).toBe("10.0.0.1:80=1");
  });

  test("checks a server at once when an operator asks", async () => {
    const { clock, outcomes, actor } = care({ realServers: [A] });
    await clock.advance(INTERVAL / 2);
    const before = outcomes.length;
    actor.send({ type: "operator.check", server: "10.0.0.1:80" });
    actor.send({ type: "operator.check", server: "10.9.9.9:80" });
    await clock.advance(10);
    expect(outcomes.length - before).toBe(1);
  });

  test("leaves the table as it is at shutdown, and clears it only when told to", async () => {
    const stays = care();
    await stays.clock.advance(100);
    stays.actor.send({ type: "shutdown" });
    await toPromise(stays.actor);
    expect(stays.plane.table()).toBe("10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1");
    const goes = care({ cleanupOnExit: true });
    await goes.clock.advance(100);
    goes.actor.send({ type: "shutdown" });
    await toPromise(goes.actor);
    expect(goes.plane.service).toBeUndefined();
  });
});
