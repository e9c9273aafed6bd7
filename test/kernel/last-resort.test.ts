import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { StatusReport } from "../../src/domain/status.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { Client, type Answers } from "./support/client.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { type CareProcess, runLvscare, startCare } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";
import { ServerFarm } from "./support/server-farm.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";
import { WeightHistory } from "./support/weight-history.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const FLAGS = [...careFlags(), "--health-path", "/healthz"];
/** What hangs is found before the tests grow old, and a healthy server has the time that it takes on a busy machine. */
const HASTY = [...FLAGS, "--health-timeout", "4s"];
const [, B] = SERVERS;
const EMPTY = { [`TCP ${VS} rr`]: {} };

let namespace: Namespace;
let farm: ServerFarm;

beforeEach(async () => {
  namespace = await Namespace.create();
  await namespace.addAddress("10.96.0.1/32");
  farm = await ServerFarm.start(namespace);
  await farm.behave("healthy", SERVERS);
});

afterEach(async () => {
  await farm[Symbol.asyncDispose]();
  await namespace[Symbol.asyncDispose]();
});

test.each(["status 500", "hanging"] as const)(
  "the checks of all fail alike (%s): no request is refused, then one comes back and serves alone",
  async (checks) => {
    await using care = startCare(namespace, checks === "hanging" ? HASTY : FLAGS);
    await waitForTable(namespace, tableWith());
    using history = new WeightHistory(namespace);
    await using client = await Client.start(namespace, VS);
    await client.begin();
    await farm.behave({ checks }, SERVERS);
    await care.waitForLog(/^WARN last resort: none of 3 real servers is healthy/);
    for (const server of SERVERS) await care.waitForLog(new RegExp(`${server} draining → removed`));
    await waitForTable(namespace, tableWith());
    await client.answersCome(100);
    expect(otherAnswers(await client.finish())).toEqual({});
    expect((await statusOf()).virtualServers[0]?.lastResort).toMatchObject({ total: 3 });
    expect(await care.status()).toMatch(/last resort +for \S+: none of 3 real servers is healthy, so 3 that/);
    expect((await runLvscare(namespace, ["status", "--exit-code"])).exitCode).toBe(2);

    // The others may have failed twice by the time at which it did.
    const last = lastDrained(care);
    await farm.behave("healthy", [last]);
    await waitForTable(namespace, tableWith([last]));
    expect(await client.request(6)).toEqual({ [last]: 6 });
    await waitForEqual(
      () => care.logged(/last resort is over/),
      ["INFO the last resort is over: 1 of 3 real servers are healthy"],
    );
    // Whoever was let go had clients: nobody went without a time at weight 0.
    expect(history.of(last)).not.toContain("absent");
    for (const server of SERVERS.filter((one) => one !== last))
      await waitForEqual(() => history.of(server).slice(-2), [0, "absent"]);
  },
);

test("all are killed: clients are refused at once, amid a last resort, too, and served again by the first that accepts", async () => {
  await using care = startCare(namespace, FLAGS);
  await waitForTable(namespace, tableWith());
  await using client = await Client.start(namespace, VS);
  await farm.behave("dead", SERVERS);
  await waitForTable(namespace, EMPTY);
  expect(await care.waitForLog(/^WARN/)).toBe(`WARN nobody is in service behind tcp ${VS}: clients are not served`);
  expect(await care.status()).toStartWith(`tcp ${VS}  nobody · 0 of 3 in service · `);
  expect(Object.keys(await client.request(3)).join()).toMatch(/refused|ECONNREFUSED|Failed to connect/i);

  await farm.behave("healthy", SERVERS);
  await waitForTable(namespace, tableWith());
  await waitForEqual(() => care.logged(/in service behind .* again/).length, 1);
  await farm.behave({ checks: "status 500" }, SERVERS);
  for (const server of SERVERS) await untilState(server, "removed");
  await waitFor(statusOf, ({ virtualServers: [one] }) => one?.lastResort !== undefined, { everyMs: 100 });
  await waitForTable(namespace, tableWith());
  await farm.behave("dead", SERVERS);
  await waitForTable(namespace, EMPTY);

  await farm.behave({ checks: "status 500" }, [B]);
  await waitForTable(namespace, tableWith([B]));
  expect(await client.request(3)).toEqual({ [B]: 3 });
});

test("told to take none, or with servers that never served, it empties the virtual server", async () => {
  await using care = startCare(namespace, [...FLAGS, "--last-resort=false"]);
  await waitForTable(namespace, tableWith());
  await farm.behave({ checks: "status 500" }, SERVERS);
  await waitForTable(namespace, EMPTY);
  expect(care.logged(/last resort/)).toEqual([]);
  expect(await care.stop()).toBe(0);
  // It takes over an empty virtual server: nobody has served that it knows of.
  await using next = startCare(namespace, FLAGS);
  for (const server of SERVERS) await next.waitForLog(new RegExp(`probe of ${server} failed .*status 500`));
  expect(tableOf(namespace)).toEqual(EMPTY);
  expect(next.logged(/last resort/)).toEqual([]);
});

// --- internal ---

async function statusOf(): Promise<StatusReport> {
  return JSON.parse((await runLvscare(namespace, ["status", "-o", "json"])).stdout) as StatusReport;
}

async function untilState(server: string, state: string): Promise<void> {
  const stateOf = async (): Promise<string | undefined> =>
    (await statusOf()).virtualServers[0]?.realServers.find(({ address }) => address === server)?.state;
  await waitFor(stateOf, (now) => now === state, { everyMs: 100 });
}

/** Until then somebody was healthy: with its failure the last resort began. */
function lastDrained(care: CareProcess): string {
  const [line = ""] = care.logged(/ healthy → draining/).slice(-1);
  return / (\S+) healthy →/.exec(line)?.[1] ?? line;
}

/** What came that is not an answer of one of the servers. */
function otherAnswers(answers: Answers): Answers {
  return Object.fromEntries(Object.entries(answers).filter(([answer]) => !SERVERS.some((server) => server === answer)));
}
