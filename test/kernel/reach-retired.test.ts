import { expect, setDefaultTimeout, test } from "bun:test";
import { reconcileReach } from "../../src/actors/reconcile-reach.ts";
import { planReach, ReachHost, reachToRetire } from "../../src/app/reach.ts";
import { parseDocument } from "../../src/config/file/parse-document.ts";
import { readConfig } from "../../src/config/file/read-config.ts";
import type { VirtualServerOptions } from "../../src/config/care-options.ts";
import type { Logger } from "../../src/domain/logger.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";

requireTestKernel();
setDefaultTimeout(60_000);

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

// --- internal ---

function optionsOf(mode: string): VirtualServerOptions {
  const text = `version: 1\nvirtual-servers: [{address: 10.103.97.2:80, mode: ${mode}, ip: 127.0.0.1, sysctls: keep, probe: {type: http}, real-servers: [127.0.0.1:80]}]`;
  const [options] = readConfig([parseDocument({ name: "f", text })]).config?.virtualServers ?? [];
  if (options === undefined) throw new Error("no configuration");
  return options;
}
