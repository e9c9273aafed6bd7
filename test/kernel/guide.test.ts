import { expect, setDefaultTimeout, test } from "bun:test";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { EchoServers } from "./support/echo-server.ts";
import { startHost } from "./support/host.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";
import { asRefused } from "./support/stopped-server.ts";
import { waitForEqual } from "./support/wait-for.ts";
import { WeightHistory } from "./support/weight-history.ts";

requireTestKernel({ everyVersion: true });
setDefaultTimeout(120_000);

/** Letter for letter as the user guide has them. */
const USAGE_EXAMPLE =
  "lvscare care --vs 169.254.0.1:80 --rs 127.0.0.1:8081 --rs 127.0.0.1:8082 --rs 127.0.0.1:8083 --logger DEBG --health-schem http --health-path /";
const CLEANUP_EXAMPLE = "lvscare care --vs 169.254.0.1:80 --logger DEBG -C";
const GUIDE_VS = "169.254.0.1:80";

const [A, B, C] = SERVERS;
const QUICK = [...careFlags(), "--interval", "500ms"];

// Each on a host of its own and at once: they wait for checks most of their time.
test.concurrent("the guide's usage example serves curl from all three, and its clean-up example leaves nothing", async () => {
  // As the guide begins: a host that has its loopback device, and servers on it.
  await using namespace = await Namespace.create();
  await using _echo = await EchoServers.start(namespace, SERVERS);
  const network = async (): Promise<string> =>
    (await namespace.exec("ip", "address")) + (await namespace.exec("ip", "route", "show", "table", "all"));
  const before = await network();
  await using care = startCare(namespace, flagsOf(USAGE_EXAMPLE));
  await waitForTable(namespace, tableWith(SERVERS, GUIDE_VS));
  await care.waitForLog(/INFO set up route 169.254.0.1/);
  const urls = Array<string>(12).fill(`http://${GUIDE_VS}/`);
  const bodies = await namespace.exec("curl", "--silent", "--show-error", "--write-out", "\n", ...urls);
  // In turn; but the daemon's own try of the way takes one as well.
  expect(new Set(bodies.trim().split("\n"))).toEqual(new Set(SERVERS));

  expect(await care.stop("SIGTERM")).toBe(0);
  expect(tableOf(namespace)).toEqual(tableWith(SERVERS, GUIDE_VS));

  expect(await runLvscare(namespace, ["care", ...flagsOf(CLEANUP_EXAMPLE)])).toMatchObject({ exitCode: 0, stdout: "" });
  expect([tableOf(namespace), await network()]).toEqual([{}, before]);
});

test.concurrent("the guide's examples do the same on the userspace data plane", async () => {
  await using host = await startHost();
  const { namespace, echo } = host;
  const before = await echo.connections();
  // The address is the daemon's to add here, and the clean-up's to remove.
  await using care = startCare(namespace, flagsOf(USAGE_EXAMPLE), { LVSCARE_DATA_PLANE: "userspace" });
  await care.waitForLog(/DEBUG add real server/, { times: 3 });
  const urls = Array<string>(12).fill(`http://${GUIDE_VS}/`);
  const bodies = await namespace.exec("curl", "--silent", "--show-error", "--write-out", "\n", ...urls);
  expect(new Set(bodies.trim().split("\n"))).toEqual(new Set(SERVERS));
  expect(await echo.connections()).not.toEqual(before);
  expect(tableOf(namespace)).toEqual({});
  expect(await care.stop("SIGTERM")).toBe(0);

  expect(await runLvscare(namespace, ["care", ...flagsOf(CLEANUP_EXAMPLE)])).toMatchObject({ exitCode: 0, stdout: "" });
  expect(await namespace.exec("ip", "address", "show", "dev", "lo")).not.toContain("169.254.0.1");
});

test.concurrent("with all servers dead the virtual server stays, empty, until they are back", async () => {
  await using host = await startHost();
  const { namespace, echo } = host;
  await using care = startCare(namespace, QUICK);
  await waitForTable(namespace, tableWith());
  await echo.close(...SERVERS);
  await waitForTable(namespace, tableWith([]));
  await care.waitForLog(/^WARN nobody is in service/);
  await echo.open(...SERVERS);
  await waitForTable(namespace, tableWith());
  await using client = await Client.start(namespace, VS);
  expect(await client.request(3)).toEqual({ [A]: 1, [B]: 1, [C]: 1 });
  expect(care.logged(/^(WARN|ERROR)/)).toEqual([`WARN nobody is in service behind tcp ${VS}: clients are not served`]);
});

// Alone, and a check a second: beside the others the history may get no turn while the weight is 0, from one check to the next.
test("a server that stops gets weight 0 at the next check, goes at the one after, and comes back when it answers", async () => {
  await using host = await startHost();
  const { namespace, echo } = host;
  using history = new WeightHistory(namespace);
  await using care = startCare(namespace, careFlags());
  await using client = await Client.start(namespace, VS);
  await waitForTable(namespace, tableWith());
  expect(await client.request(9)).toEqual({ [A]: 3, [B]: 3, [C]: 3 });

  await echo.close(B);
  await waitForTable(namespace, tableWith([A, C]));
  expect(await client.request(6)).toEqual({ [A]: 3, [C]: 3 });
  await care.waitForLog(/^DEBUG probe of .*:8081 passed/, { times: care.logged(/:8081 passed/).length + 2 });
  await echo.open(B);
  await waitForTable(namespace, tableWith());
  expect(await client.request(9)).toEqual({ [A]: 3, [B]: 3, [C]: 3 });

  await waitForEqual(() => SERVERS.map((server) => history.of(server)), [[1], [1, 0, "absent", 1], [1]]);
  // One line for each transition, however many checks have failed.
  await waitForEqual(
    () => care.logged(/^INFO real server .*:8082/).map(asRefused),
    [
      `INFO real server ${B} recovering → healthy: status 200`,
      `INFO real server ${B} healthy → draining: connect refused`,
      `INFO real server ${B} draining → removed: connect refused`,
      `INFO real server ${B} removed → healthy: status 200`,
    ],
  );
  // Another server's checks tell the time: all are checked at the same pace.
  const between = linesBetween(care.log(), /:8082 healthy → draining/, /:8082 draining → removed/);
  expect(between.filter((line) => line.includes(`probe of ${A} passed`)).length).toBeWithin(0, 3);
});

// --- internal ---

function flagsOf(command: string): string[] {
  return command.split(" ").slice(2);
}

function linesBetween(lines: readonly string[], first: RegExp, last: RegExp): readonly string[] {
  const from = lines.findIndex((line) => first.test(line));
  const to = lines.findIndex((line) => last.test(line));
  return lines.slice(from + 1, to);
}
