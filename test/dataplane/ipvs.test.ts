import { expect, test } from "bun:test";
import { Ipvs, openIpvs } from "../../src/dataplane/ipvs/ipvs-plane.ts";
import { trialEndpoint } from "../../src/dataplane/ipvs/preflight.ts";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import { Reconciler } from "../../src/dataplane/reconciler.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { Operation } from "../../src/domain/plan.ts";
import { NO_TRAFFIC, realServer, virtualServer } from "../../src/domain/virtual-server.ts";
import { FakeIpvs } from "./ipvs-kernel-fake.ts";

const service = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.103.97.12:6443") }, "rr");
const other = virtualServer({ protocol: "udp", endpoint: parseEndpoint("[fd00::12]:53") }, "mh");
const a = realServer(parseEndpoint("10.0.0.1:6443"), 3);
const b = realServer(parseEndpoint("10.0.0.2:6443"));
const idle = { activeConnections: 0, inactiveConnections: 0 };

const create: Operation = { kind: "service.create", service };
const addA: Operation = { kind: "server.add", server: a };
const addB: Operation = { kind: "server.add", server: b };

async function open(): Promise<{ readonly kernel: FakeIpvs; readonly plane: DataPlane }> {
  const kernel = new FakeIpvs();
  return { kernel, plane: await openIpvs(kernel.transports.open) };
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "no rejection",
    (reason: unknown) => reason,
  );

test("says how it reaches the kernel, and lets go of it once", async () => {
  const { kernel, plane } = await open();
  expect([plane.kind, plane.via]).toEqual(["ipvs", "fake kernel"]);
  await plane.close();
  await plane.close();
  expect([kernel.transports.opened(), kernel.transports.closed()]).toEqual([1, 1]);
  expect(await rejection(plane.read(service))).toMatchObject({ code: "SOCKET_FAILED" });
});

test("data planes of several virtual servers use one connection, which the last of them closes", async () => {
  const kernel = new FakeIpvs();
  const ipvs = new Ipvs(kernel.transports.open);
  const [one, two] = [await ipvs.open(), await ipvs.open()];
  await one.close();
  await one.close();
  expect(await two.apply(service, [create])).toEqual([]);
  expect([kernel.transports.opened(), kernel.transports.closed()]).toEqual([1, 0]);
  await two.close();
  expect([kernel.transports.opened(), kernel.transports.closed()]).toEqual([1, 1]);
  const later = await ipvs.open();
  expect(await later.read(service)).toMatchObject({ service });
  await later.close();
  expect([kernel.transports.opened(), kernel.transports.closed()]).toEqual([2, 2]);
});

test("executes each kind of operation and reads the outcome, oldest real server first", async () => {
  const { plane } = await open();
  expect(await plane.apply(service, [create, addA, addB])).toEqual([]);
  expect(await plane.read(service)).toEqual({
    service,
    stats: NO_TRAFFIC,
    realServers: [
      { server: a, ...idle },
      { server: b, ...idle },
    ],
  });
  const drained = { ...a, weight: 0 };
  const changed = { ...service, scheduler: "wrr" };
  const operations: readonly Operation[] = [
    { kind: "service.update", service: changed, from: service },
    { kind: "server.update", server: drained, from: a },
    { kind: "server.remove", endpoint: b.endpoint },
  ];
  expect(await plane.apply(service, operations)).toEqual([]);
  expect(await plane.read(service)).toEqual({
    service: changed,
    stats: NO_TRAFFIC,
    realServers: [{ server: drained, ...idle }],
  });
  expect(await plane.apply(service, [{ kind: "service.delete", service }])).toEqual([]);
  expect(await plane.read(service)).toBeUndefined();
});

test("measures a virtual server, and reads every one with its real servers", async () => {
  const { plane } = await open();
  await plane.apply(service, [create, addA]);
  expect(await plane.measure(service)).toEqual({
    service,
    stats: NO_TRAFFIC,
    realServers: [{ server: a, ...idle, stats: NO_TRAFFIC }],
  });
  await plane.apply(other, [{ kind: "service.create", service: other }]);
  expect(await plane.readAll()).toEqual([
    { service, stats: NO_TRAFFIC, realServers: [{ server: a, ...idle, stats: NO_TRAFFIC }] },
    { service: other, stats: NO_TRAFFIC, realServers: [] },
  ]);
});

test("a failed operation is named and the others are done", async () => {
  const { kernel, plane } = await open();
  await plane.apply(service, [create, addA]);
  const odd: Operation = { kind: "service.update", service: { ...service, scheduler: "wrr" }, from: service };
  const gone: Operation = { kind: "server.remove", endpoint: parseEndpoint("10.0.0.9:6443") };
  const failed = await plane.apply(service, [addA, gone, addB, odd]);
  expect(failed.map(({ operation, error }) => [operation, error.code, error.message, error.operation])).toEqual([
    [
      addA,
      "KERNEL_REFUSED",
      "the kernel refused with EEXIST: it is there already",
      "add real server 10.0.0.1:6443 weight 3",
    ],
    [
      gone,
      "KERNEL_REFUSED",
      "the kernel refused with ENOENT: there is no such real server",
      "remove real server 10.0.0.9:6443",
    ],
  ]);
  expect([...(kernel.standing.get("tcp 10.103.97.12:6443")?.servers.keys() ?? [])]).toEqual([
    "10.0.0.1:6443",
    "10.0.0.2:6443",
  ]);
});

test("sends 64 operations at a time", async () => {
  const { kernel, plane } = await open();
  const adds = Array.from({ length: 129 }, (_, index) => addOf(`10.0.1.${index}:6443`));
  expect(await plane.apply(service, [create, ...adds])).toEqual([]);
  expect(kernel.sends).toEqual([1, 64, 64, 2]);
  expect((await plane.read(service))?.realServers.length).toBe(129);
});

test("what several virtual servers ask for in one turn is read from one list and written in one send, with an outcome each", async () => {
  const kernel = new FakeIpvs();
  const ipvs = new Ipvs(kernel.transports.open);
  const services = ["10.103.97.1:80", "10.103.97.2:80", "10.103.97.3:80", "10.103.97.4:80"].map((address) =>
    virtualServer({ protocol: "tcp", endpoint: parseEndpoint(address) }, address.includes(".3:") ? "nope" : "rr"),
  );
  const all = await Promise.all(services.map(async (one) => ({ one, plane: await ipvs.open() })));
  await all[0]?.plane.read(service);
  kernel.sends.length = 0;
  const outcomes = await Promise.all(
    all.map(({ one, plane }) => plane.apply(one, [{ kind: "service.create", service: one }, addA])),
  );
  expect(kernel.sends).toEqual([8, 1]);
  expect(outcomes.map((failed) => failed.map(({ error }) => error.code))).toEqual([
    [],
    [],
    ["SCHEDULER_MISSING", "KERNEL_REFUSED"],
    [],
  ]);
  kernel.sends.length = 0;
  const seen = await Promise.all(all.map(({ one, plane }) => plane.read(one)));
  expect(seen.map((found) => found?.realServers.map(({ server }) => server))).toEqual([[a], [a], undefined, [a]]);
  // The list, and the real servers of those that are there.
  expect(kernel.sends).toEqual([1, 1, 1, 1]);

  kernel.permitted = false;
  const refused = await Promise.all(all.map(({ one, plane }) => rejection(plane.apply(one, [addB]))));
  expect(refused).toEqual(all.map(() => expect.objectContaining({ code: "NOT_PERMITTED" })));
  for (const { plane } of all) await plane.close();
});

test("a round over a table that is as it should be asks the kernel for it once, and writes nothing", async () => {
  const { kernel, plane } = await open();
  await plane.apply(service, [create, addA, addB]);
  const desired = { service, realServers: [a, b], leaving: [], absent: [], unlisted: "remove" as const };
  let nowMs = 0;
  const reconciler = new Reconciler(plane, service, () => nowMs);
  const round = { desired, isUrgent: false, isLasting: false, readEveryMs: 1000 };
  await reconciler.apply(round);
  kernel.sends.length = 0;
  nowMs = 1000;
  const report = await reconciler.apply(round);
  expect([report.hasRead, report.operations, report.failure]).toEqual([true, [], undefined]);
  // The virtual server, and its real servers by one dump.
  expect(kernel.sends).toEqual([1, 1]);
});

test("a thousand real servers that fail at once are written by sixteen sends", async () => {
  const { kernel, plane } = await open();
  const servers = Array.from({ length: 1000 }, (_, index) =>
    realServer(parseEndpoint(`10.1.${index >> 8}.${index & 255}:6443`)),
  );
  const desired = { service, realServers: servers, leaving: [], absent: [], unlisted: "remove" as const };
  const reconciler = new Reconciler(plane, service, () => 0);
  await reconciler.apply({ desired, isUrgent: false, isLasting: false, readEveryMs: 1000 });
  kernel.sends.length = 0;
  const drained = { ...desired, realServers: servers.map((server) => ({ ...server, weight: 0 })) };
  const report = await reconciler.apply({ desired: drained, isUrgent: true, isLasting: false, readEveryMs: 1000 });
  expect([report.operations.length, report.failure]).toEqual([1000, undefined]);
  expect(kernel.sends).toEqual([...Array.from({ length: 15 }, () => 64), 40]);
});

test("applying nothing asks the kernel nothing", async () => {
  const { kernel, plane } = await open();
  expect(await plane.apply(service, [])).toEqual([]);
  expect(kernel.sends).toEqual([]);
});

test("preflight passes and leaves nothing, also past a leftover", async () => {
  const { kernel, plane } = await open();
  await plane.preflight(service);
  const leftover = { ...service, scheduler: "wrr", endpoint: trialEndpoint(service) };
  await plane.apply(leftover, [{ kind: "service.create", service: leftover }]);
  await plane.preflight(service);
  await plane.preflight(other);
  expect([...kernel.standing.keys()]).toEqual([]);
});

test("preflight fails on a kernel that takes everything and keeps nothing", async () => {
  const { kernel, plane } = await open();
  kernel.forgetful = true;
  expect(await rejection(plane.preflight(service))).toMatchObject({
    code: "KERNEL_REFUSED",
    message: "IPVS took a virtual server, yet does not have it",
  });
});

test("a missing scheduler is told with its module", async () => {
  const { plane } = await open();
  const lone = { ...service, scheduler: "sed" };
  const expected = {
    code: "SCHEDULER_MISSING",
    errno: "ENOENT",
    remedy: "run `modprobe ip_vs_sed` on the host, or choose another scheduler",
  };
  expect(await rejection(plane.preflight(lone))).toMatchObject(expected);
  const failed = await plane.apply(lone, [{ kind: "service.create", service: lone }]);
  expect(failed.map(({ error }) => error)).toMatchObject([expected]);
});

test("without the module nothing works, until it is there", async () => {
  const { kernel, plane } = await open();
  kernel.family = undefined;
  const missing = { code: "MODULE_MISSING", remedy: expect.stringContaining("modprobe ip_vs") };
  expect(await rejection(plane.preflight(service))).toMatchObject(missing);
  expect(await rejection(plane.read(service))).toMatchObject(missing);
  expect(await rejection(plane.apply(service, [create]))).toMatchObject(missing);
  kernel.family = 0x21;
  await plane.preflight(service);
});

test("a module that was loaded anew is found under its new number", async () => {
  const { kernel, plane } = await open();
  await plane.apply(service, [create]);
  kernel.family = 0x30;
  expect((await plane.read(service))?.service).toEqual(service);
  kernel.family = 0x31;
  expect(await plane.apply(service, [addA, addB])).toEqual([]);
  kernel.family = undefined;
  expect(await rejection(plane.readAll())).toMatchObject({ code: "MODULE_MISSING" });
});

test("without permission everything is rejected, with what to do", async () => {
  const { kernel, plane } = await open();
  kernel.permitted = false;
  const refused = { code: "NOT_PERMITTED", errno: "EPERM", remedy: expect.stringContaining("CAP_NET_ADMIN") };
  expect(await rejection(plane.preflight(service))).toMatchObject(refused);
  expect(await rejection(plane.read(service))).toMatchObject(refused);
  expect(await rejection(plane.readAll())).toMatchObject(refused);
  expect(await rejection(plane.apply(service, [create, addA]))).toMatchObject(refused);
});

function addOf(endpoint: string): Operation {
  return { kind: "server.add", server: realServer(parseEndpoint(endpoint)) };
}
