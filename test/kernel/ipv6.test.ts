import { expect, setDefaultTimeout, test } from "bun:test";
import type { StatusReport } from "../../src/domain/status.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, tableWith } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { EchoServers } from "./support/echo-server.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";
import { connect, Namespace } from "./support/namespace.ts";
import { waitForEqual } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const VS = "[fd00:96::1]:80";
const NEAR = "[fd00:10::1]:8081";
const FAR = ["[fd00:10::2]:8081", "[fd00:10::2]:8082"] as const;
const ALL = [NEAR, ...FAR];

test("an IPv6 virtual server with servers on this host and on another drains, removes and recovers", async () => {
  await using node = await Namespace.create();
  await using other = await Namespace.create();
  await connect([node, "fd00:10::1/64"], [other, "fd00:10::2/64"]);
  await node.addAddress("fd00:96::1/128");
  // A client on the node itself comes from the virtual IP.
  await other.exec("ip", "route", "add", "fd00:96::1", "via", "fd00:10::1");
  await using _near = await EchoServers.start(node, [NEAR]);
  await using far = await EchoServers.start(other, FAR);
  await using care = startCare(node, careFlags(ALL, VS));
  await waitForTable(node, tableWith(ALL, VS));
  await using client = await Client.start(node, VS);
  expect(await client.request(6)).toEqual({ [NEAR]: 2, [FAR[0]]: 2, [FAR[1]]: 2 });

  await far.close(FAR[1]);
  await waitForTable(node, tableWith([NEAR, FAR[0]], VS));
  expect(await client.request(4)).toEqual({ [NEAR]: 2, [FAR[0]]: 2 });
  await far.open(FAR[1]);
  await waitForTable(node, tableWith(ALL, VS));
  await waitForEqual(
    // Whichever way it was closed; should it fail for another reason, that is to be seen here.
    () =>
      care
        .logged(/^INFO real server .*:8082/)
        .map((line) => line.replace(/: (status 200|connect refused|connection reset)$/, "")),
    [
      `INFO real server ${FAR[1]} recovering → healthy`,
      `INFO real server ${FAR[1]} healthy → draining`,
      `INFO real server ${FAR[1]} draining → removed`,
      `INFO real server ${FAR[1]} removed → healthy`,
    ],
  );

  const report = JSON.parse(await care.status("-o", "json")) as StatusReport;
  expect(
    report.virtualServers.map(({ address, realServers }) => [address, realServers.map((it) => it.address)]),
  ).toEqual([[VS, ALL]]);
  await care.stop();
  expect((await runLvscare(node, ["care", "--vs", VS, "-C"])).exitCode).toBe(0);
  expect(tableOf(node)).toEqual({});
});
