import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { startHost, type Host } from "./support/host.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { startCare, type CareProcess } from "./support/lvscare.ts";
import { waitForEqual } from "./support/wait-for.ts";
import { WeightHistory } from "./support/weight-history.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const [A, B, C] = SERVERS;

let host: Host;
beforeAll(async () => {
  host = await startHost();
});
afterEach(() => host.namespace.exec("ipvsadm", "-C"));
afterAll(() => host[Symbol.asyncDispose]());

test("clients notice nothing while the daemon is killed and started again", async () => {
  const { namespace } = host;
  await using first = startCare(namespace, careFlags());
  await waitForTable(namespace, tableWith());
  using history = new WeightHistory(namespace);
  await using client = await Client.start(namespace, VS);
  await client.begin();
  await client.answersCome(20);
  expect(await first.stop("SIGKILL")).toBe("SIGKILL");
  await client.answersCome(20);
  await using second = startCare(namespace, careFlags());
  await checksPass(second, A, 2);
  await client.answersCome(20);
  const answers = await client.finish();

  expect(Object.keys(answers).toSorted()).toEqual([...SERVERS]);
  await waitForEqual(() => SERVERS.map((server) => history.of(server)), [[1], [1], [1]]);
  await waitForEqual(
    () => second.logged(/^INFO (took over|real server)|^WARN/),
    ["INFO took over the table: 3 healthy"],
  );
});

test("a server that was removed before the daemon died takes no traffic after it is back", async () => {
  const { namespace, echo } = host;
  await echo.close(B);
  using history = new WeightHistory(namespace);
  {
    await using first = startCare(namespace, careFlags());
    await waitForTable(namespace, tableWith([A, C]));
    await first.stop("SIGKILL");
  }
  await using second = startCare(namespace, careFlags());
  await checksPass(second, A, 3);
  await waitForEqual(() => SERVERS.map((server) => history.of(server)), [[1], [], [1]]);
  expect(tableOf(namespace)).toEqual(tableWith([A, C]));

  await echo.open(B);
  await waitForTable(namespace, tableWith());
  await waitForEqual(() => history.of(B), [1]);
});

test("a server that stands at weight 0 is not raised before a good check, one that died meanwhile is drained at the first", async () => {
  const { namespace, echo } = host;
  await namespace.exec("ipvsadm", "-A", "-t", VS, "-s", "rr");
  for (const [server, weight] of [
    [A, "1"],
    [B, "0"],
    [C, "1"],
  ] as const) {
    await namespace.exec("ipvsadm", "-a", "-t", VS, "-r", server, "-m", "-w", weight);
  }
  await echo.close(B, C);
  using history = new WeightHistory(namespace);
  await using care = startCare(namespace, careFlags());
  await waitForTable(namespace, tableWith([A]));
  await waitForEqual(() => SERVERS.map((server) => history.of(server)), [[1], [0, "absent"], [1, 0, "absent"]]);
  await waitForEqual(() => care.logged(/took over/), ["INFO took over the table: 2 healthy, 1 draining"]);
  await echo.open(B, C);
});

test("a server left out of the new list is drained, then removed, one that is new proves itself first", async () => {
  const { namespace } = host;
  {
    await using first = startCare(namespace, careFlags([A, B]));
    await waitForTable(namespace, tableWith([A, B]));
    expect(await first.stop("SIGTERM")).toBe(0);
  }
  using history = new WeightHistory(namespace);
  await using second = startCare(namespace, careFlags([B, C]));
  await waitForTable(namespace, tableWith([B, C]));
  await waitForEqual(() => SERVERS.map((server) => history.of(server)), [[1, 0, "absent"], [1], [1]]);
  await waitForEqual(
    () => second.logged(/^INFO (took over|real server)/),
    [
      "INFO took over the table: 1 healthy, 1 removed",
      `INFO real server ${C} removed → healthy: status 200`,
      `INFO real server ${A} (weight 1) is not listed: draining it, then removing it`,
    ],
  );
  // It was this daemon that changed it.
  await second.waitForLog(new RegExp(`^DEBUG remove real server ${A}`));
  expect(second.logged(/^WARN/)).toEqual([]);
  expect(await second.status()).toMatch(/applies +\d+, 0 of them repairs/);
});

test("clients notice nothing when the whole list is another one", async () => {
  const { namespace } = host;
  {
    await using first = startCare(namespace, careFlags([A]));
    await waitForTable(namespace, tableWith([A]));
    expect(await first.stop("SIGTERM")).toBe(0);
  }
  await using client = await Client.start(namespace, VS);
  await client.begin();
  await client.answersCome(20);
  await using _second = startCare(namespace, careFlags([B]));
  await waitForTable(namespace, tableWith([B]));
  await client.answersCome(20);
  expect(Object.keys(await client.finish()).toSorted()).toEqual([A, B]);
});

test("a check that hangs does not hold up the end", async () => {
  const { namespace } = host;
  // What is sent to a dummy link vanishes.
  await namespace.exec("ip", "link", "add", "void", "type", "dummy");
  await namespace.addAddress("10.97.0.1/24", "void");
  await namespace.exec("ip", "link", "set", "void", "up");
  const slow = ["--interval", "60", "--health-timeout", "60s", "--health-connect-timeout", "60s"];
  await using care = startCare(namespace, [...careFlags([A, "10.97.0.2:80"]), ...slow]);
  await waitForTable(namespace, tableWith([A]));
  const asked = performance.now();
  expect(await care.stop("SIGTERM")).toBe(0);
  // A machine with much to do takes its time; the check has a minute.
  expect(performance.now() - asked).toBeLessThan(30_000);
  expect(tableOf(namespace)).toEqual(tableWith([A]));
});

// --- internal ---

async function checksPass(care: CareProcess, server: string, times: number): Promise<void> {
  await care.waitForLog(new RegExp(`^DEBUG probe of ${RegExp.escape(server)} passed`), { times });
}
