import { expect, test } from "bun:test";
import { CareProcess } from "../../src/app/care-process.ts";
import { Caretaker } from "../../src/app/caretaker.ts";
import { claimVirtualServers } from "../../src/app/claim.ts";
import { SILENT } from "../../src/app/embedded-run.ts";
import { unwritten } from "../../src/app/under-way.ts";
import { readConfigObject } from "../../src/config/file/config-object.ts";
import { Ipvs } from "../../src/dataplane/ipvs/ipvs-plane.ts";
import { FakeIpvs } from "../dataplane/ipvs-kernel-fake.ts";

const MANY = 400;
/** More than are set up in one turn, however fast that is. */
const MORE = 2000;

test("when caring ends while many virtual servers are set up, those that had not begun are given up", async () => {
  using process = new CareProcess(SILENT, {});
  const kernel = new FakeIpvs();
  const caretaker = new Caretaker(process, SILENT, false, new Ipvs(kernel.transports.open));
  const config = many(MORE);
  await using prepared = await caretaker.prepare(config);
  expect(prepared.changes).toHaveLength(MORE);
  const applying = prepared.apply();
  const outcome = applying.then(
    () => "applied",
    (error: unknown) => error,
  );
  // It lets others have their turns, such as a signal.
  setImmediate(() => caretaker.shutDown());
  expect(await outcome).toMatchObject({ code: "NOT_RUNNING" });
  await caretaker.ended;
  await caretaker.close();
  const begun = kernel.standing.size;
  expect([begun > 0, begun < MORE]).toEqual([true, true]);
  const free = config.virtualServers.map(({ service }) => service);
  claimVirtualServers(free, globalThis.process.getuid?.() ?? 0, SILENT)[Symbol.dispose]();
  expect(kernel.transports.closed()).toBe(kernel.transports.opened());
});

test("when caring ends while many virtual servers are prepared, none begins and none stays claimed", async () => {
  using process = new CareProcess(SILENT, {});
  const kernel = new FakeIpvs();
  const caretaker = new Caretaker(process, SILENT, false, new Ipvs(kernel.transports.open));
  const config = many(MANY);
  const outcome = caretaker.prepare(config).then(
    () => "prepared",
    (error: unknown) => error,
  );
  caretaker.shutDown();
  expect(await outcome).toMatchObject({ code: "NOT_RUNNING" });
  await caretaker.ended;
  expect([...kernel.standing.keys()]).toEqual([]);
  const free = config.virtualServers.map(({ service }) => service);
  claimVirtualServers(free, globalThis.process.getuid?.() ?? 0, SILENT)[Symbol.dispose]();
});

test("many virtual servers stand in the kernel before any of their real servers is checked", async () => {
  using server = Bun.listen({
    hostname: "127.77.40.1",
    port: 0,
    socket: { open: () => asked.resolve(kernel.standing.size), data: () => undefined },
  });
  const asked = Promise.withResolvers<number>();
  using process = new CareProcess(SILENT, {});
  const kernel = new FakeIpvs();
  const caretaker = new Caretaker(process, SILENT, false, new Ipvs(kernel.transports.open));
  const probed = Promise.withResolvers<number>();
  process.bus.join(({ type }) => type === "realServer.probed" && probed.resolve(kernel.standing.size));
  await using prepared = await caretaker.prepare(many(MANY, { realServer: `127.77.40.1:${server.port}` }));
  await prepared.apply();
  expect(await Promise.all([probed.promise, asked.promise])).toEqual([MANY, MANY]);
  caretaker.shutDown();
  await caretaker.ended;
  await caretaker.close();
});

test("another scheduler is in the kernel when another configuration is said to be written", async () => {
  using process = new CareProcess(SILENT, {});
  const kernel = new FakeIpvs();
  const caretaker = new Caretaker(process, SILENT, false, new Ipvs(kernel.transports.open));
  const schedulers = () => [...kernel.standing.values()].map(({ service }) => service.scheduler);
  for (const scheduler of ["rr", "wrr"] as const) {
    await using prepared = await caretaker.prepare(many(2, { scheduler }));
    await prepared.apply();
    expect(await unwritten(caretaker.virtualServers)).toEqual([]);
    expect(schedulers()).toEqual([scheduler, scheduler]);
  }
  caretaker.shutDown();
  await caretaker.ended;
  await caretaker.close();
});

test("many virtual servers that leave at once are given up one after the other, and the rest of the process has turns meanwhile", async () => {
  using process = new CareProcess(SILENT, {});
  const kernel = new FakeIpvs();
  const gone: string[] = [];
  const logger = {
    ...SILENT,
    info: (line: string) => void (line.endsWith("gone, as the configuration says") && gone.push(line)),
  };
  const caretaker = new Caretaker(process, logger, false, new Ipvs(kernel.transports.open));
  for (const count of [MANY, 1]) {
    await using prepared = await caretaker.prepare(many(count));
    await prepared.apply();
  }
  let most = 0;
  while (gone.length < MANY - 1) {
    const before = gone.length;
    await new Promise((resolve) => void setImmediate(resolve));
    most = Math.max(most, gone.length - before);
  }
  expect(most).toBeLessThan(MANY / 2);
  expect(kernel.standing.size).toBe(1);
  caretaker.shutDown();
  await caretaker.ended;
  await caretaker.close();
});

// --- internal ---

function many(
  count: number,
  { realServer = "127.77.40.1:9", scheduler = "rr" }: { realServer?: string; scheduler?: "rr" | "wrr" } = {},
) {
  return readConfigObject({
    version: 1,
    defaults: { mode: "none", checkWay: false, probe: { type: "tcp" } },
    virtualServers: Array.from({ length: count }, (_, index) => ({
      address: `10.77.${40 + Math.floor(index / 250)}.${1 + (index % 250)}:80`,
      realServers: [realServer],
      scheduler,
    })),
  }).config;
}
