import { expect, setDefaultTimeout, test } from "bun:test";
import { reconcileReach } from "../../src/actors/reconcile-reach.ts";
import { planReach, ReachHost, reachToRetire } from "../../src/app/reach.ts";
import { parseDocument } from "../../src/config/file/parse-document.ts";
import { readConfig } from "../../src/config/file/read-config.ts";
import type { VirtualServerOptions } from "../../src/config/care-options.ts";
import type { Logger } from "../../src/domain/logger.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const nothing = (): void => undefined;
const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

test("a route that was taken back is not taken for standing by what was seen before, and so not for others' work", async () => {
  // What is read of the host is believed for good, unless the host is heard of.
  const host = new ReachHost(() => 0);
  const [route, none] = [optionsOf("route"), optionsOf("none")];
  const outcomes = async (): Promise<readonly string[]> => {
    const reports = await reconcileReach(planReach(route, "ipvs", host, SILENT).objects);
    return reports.filter(({ name }) => name.startsWith("route ")).map(({ outcome }) => outcome);
  };
  expect([await outcomes(), await outcomes()]).toEqual([["mended"], ["stood"]]);
  for (const object of reachToRetire(route, none, host, SILENT)) expect(await object.remove()).toBe(true);
  expect([await outcomes(), await outcomes()]).toEqual([["mended"], ["stood"]]);
  for (const object of reachToRetire(route, none, host, SILENT)) await object.remove();
});

test.each([
  ["10.103.97.2:80", ["10.9.0.5", "10.9.0.6"], "10.9.0.6:80"],
  ["10.103.97.2:80", ["10.9.0.5", "10.9.0.6"], "10.9.1.1:80"],
  ["[fd00:103::2]:80", ["fd00:9::5", "fd00:9::6"], "[fd00:9::1]:80"],
] as const)(
  "the route to %s by another address of the same link, %p, to %s, is made once",
  async (address, ways, server) => {
    for (const args of [
      "link add hop type dummy",
      "link set hop up",
      "address add 10.9.0.5/24 dev hop",
      "address add 10.9.0.6/24 dev hop",
      "address add fd00:9::5/64 dev hop nodad",
      "address add fd00:9::6/64 dev hop nodad",
    ])
      Bun.spawnSync(["ip", ...args.split(" ")]);
    const host = new ReachHost();
    const outcomes: string[] = [];
    for (const way of [...ways, ...ways]) {
      const { objects } = planReach(optionsOf("route", { address, way, server }), "ipvs", host, SILENT);
      // As a daemon looks at it: at once, and again when it hears of the change.
      for (const reports of [await reconcileReach(objects), await reconcileReach(objects)])
        outcomes.push(
          ...reports.map((report) => (report.outcome === "failed" ? String(report.error) : report.outcome)),
        );
    }
    expect(outcomes).toEqual(["mended", "stood", "mended", "stood", "mended", "stood", "mended", "stood"]);
    Bun.spawnSync(["ip", "link", "del", "hop"]);
  },
);

// --- internal ---

const LOCAL = { address: "10.103.97.2:80", way: "127.0.0.1", server: "127.0.0.1:80" };

function optionsOf(mode: string, { address, way, server } = LOCAL): VirtualServerOptions {
  const text = `version: 1\nvirtual-servers: [{address: "${address}", mode: ${mode}, ip: "${way}", sysctls: keep, probe: {type: http}, real-servers: ["${server}"]}]`;
  const [options] = readConfig([parseDocument({ name: "f", text })]).config?.virtualServers ?? [];
  if (options === undefined) throw new Error("no configuration");
  return options;
}
