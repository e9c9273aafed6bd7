import { expect, test } from "bun:test";
import { join } from "node:path";
import { CareProcess } from "../../src/app/care-process.ts";
import { Caretaker } from "../../src/app/caretaker.ts";
import { ConfigReload, type ReadConfig } from "../../src/app/config-reload.ts";
import { SILENT } from "../../src/app/embedded-run.ts";
import { factsOf } from "../../src/app/file-watch.ts";
import { readConfigObject } from "../../src/config/file/config-object.ts";
import { Ipvs } from "../../src/dataplane/ipvs/ipvs-plane.ts";
import { FakeIpvs } from "../dataplane/ipvs-kernel-fake.ts";
import { waitForEqual } from "../kernel/support/wait-for.ts";
import { TestFolder } from "./support/file-daemon.ts";

test("who asks for a change some time after it was noticed is told of it, once, and of one of long ago no more", async () => {
  await using folder = await TestFolder.make();
  const path = join(folder.path, "care.yaml");
  using process = new CareProcess(SILENT, {});
  const caretaker = new Caretaker(process, SILENT, false, new Ipvs(new FakeIpvs().transports.open));
  let [scheduler, nowMs, readings] = ["rr", 0, 0];
  const change = async (to: string): Promise<void> => {
    scheduler = to;
    await Bun.write(path, to);
  };
  const read = (): ReadConfig => ({
    config: configuration(scheduler),
    warnings: [],
    files: [{ path, facts: factsOf(path) }],
    folders: new Map(),
  });
  await change("rr");
  await using prepared = await caretaker.prepare(read().config);
  await prepared.apply();
  await using reload = new ConfigReload(read(), {
    path,
    read: () => Promise.resolve(read()),
    caretaker,
    takeProcessOptions: () => Promise.resolve([]),
    emit: () => undefined,
    reloading: () => undefined,
    reloaded: () => readings++,
    now: () => nowMs,
    timeOfDay: (ms) => new Date(ms),
  });
  const changes = (from: string, to: string) => [expect.stringContaining(`scheduler ${from} → ${to}`)];

  await change("wrr");
  await waitForEqual(() => readings, 1);
  // A host that has much else to do holds up the one who asks, too.
  nowMs += 20_000;
  expect(await reload.request()).toMatchObject({ outcome: "applied", changes: changes("rr", "wrr") });
  expect(await reload.request()).toMatchObject({ outcome: "unchanged", changes: [] });

  await change("rr");
  await waitForEqual(() => readings, 4);
  nowMs += 3_600_000;
  expect(await reload.request()).toMatchObject({ outcome: "unchanged", changes: [] });
  caretaker.shutDown();
  await caretaker.ended;
  await caretaker.close();
});

// --- internal ---

function configuration(scheduler: string): ReadConfig["config"] {
  return readConfigObject({
    version: 1,
    defaults: { mode: "none", checkWay: false, probe: { type: "tcp" } },
    virtualServers: [{ address: "10.77.45.1:80", realServers: ["127.77.45.2:9"], scheduler }],
  }).config;
}
