import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { DELIVERED } from "../../tasks/test/deliveries.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { startHost, type Host } from "./support/host.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { startCare } from "./support/lvscare.ts";

requireTestKernel({ deliveries: true });
setDefaultTimeout(120_000);

let host: Host;
beforeAll(async () => {
  host = await startHost();
});
beforeEach(() => host.namespace.run(["ipvsadm", "-C"]));
afterAll(() => host[Symbol.asyncDispose]());

/** Every way in which LVScare comes to a node, besides the plain binary that all other tests run. */
const DELIVERIES: Readonly<Record<string, readonly string[]>> = {
  "the npm package, by bunx": ["env", `--chdir=${join(DELIVERED, "project")}`, "bunx", "lvscare"],
  "the image's root": ["unshare", "--mount", `--root=${join(DELIVERED, "image")}`, "--mount-proc", "/usr/bin/lvscare"],
};

test.each(Object.entries(DELIVERIES))("%s cares for a virtual server and leaves it in order", async (_, lvscare) => {
  const { namespace, echo } = host;
  await using care = startCare(namespace, careFlags(), {}, lvscare);
  await waitForTable(namespace, tableWith());
  await echo.close(SERVERS[1]);
  await waitForTable(namespace, tableWith([SERVERS[0], SERVERS[2]]));
  await echo.open(SERVERS[1]);
  await waitForTable(namespace, tableWith());
  expect(await care.stop()).toBe(0);
  expect(tableOf(namespace)).toEqual(tableWith());
  expect((await namespace.run([...lvscare, "care", "--vs", VS, "-C"])).exitCode).toBe(0);
  expect(tableOf(namespace)).toEqual({});
});
