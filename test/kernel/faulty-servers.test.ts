import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { StatusReport } from "../../src/domain/status.ts";
import { selfSigned } from "../probe/http/support/certificates.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { checkGaps, type CheckGaps } from "./support/check-gaps.ts";
import type { Behaviour, SeenRequest } from "./support/faulty-server.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { startCare, type CareProcess } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";
import { ServerFarm } from "./support/server-farm.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";
import { WeightHistory } from "./support/weight-history.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const INTERVAL_MS = 1000;
const VIRTUAL_SERVER = "127.1.0.1:80";
const FLAGS = ["--vs", VIRTUAL_SERVER, "--health-schem", "http", "--interval", "1", "--health-timeout", "4s"];

const HEALTHY = ["127.0.1.1:80", "127.0.1.2:80", "127.0.1.3:80"];

/** Each with the reason that people read; a server that closes at once may do so before or after our request has come to it. */
const FAULTS: readonly {
  readonly address: string;
  readonly behaviour: Behaviour | "silent";
  readonly reason: RegExp;
}[] = [
  { address: "127.0.2.1:80", behaviour: "hanging", reason: /^timed out after 4s$/ },
  // Whichever is seen first: that the kept connection is dead, or that a new one comes to nothing; one that was just made gets no answer.
  {
    address: "127.0.2.2:80",
    behaviour: "silent",
    reason: /^(connect timed out after 1s|answers nothing any more|timed out after 4s)$/,
  },
  { address: "127.0.2.3:80", behaviour: { status: 500 }, reason: /^status 500$/ },
  { address: "127.0.2.4:80", behaviour: { status: 503 }, reason: /^status 503$/ },
  { address: "127.0.2.5:80", behaviour: "resetting", reason: /^connection reset$/ },
  { address: "127.0.2.6:80", behaviour: "trickling", reason: /^timed out after 4s$/ },
  { address: "127.0.2.7:80", behaviour: "closing", reason: /^(closed without an answer|connection reset)$/ },
  { address: "127.0.2.8:80", behaviour: "garbage", reason: /^malformed response$/ },
  // A check that comes while it closes is accepted and hears nothing.
  {
    address: "127.0.2.9:80",
    behaviour: "dead",
    reason: /^(connect refused|closed without an answer|connection reset)$/,
  },
];
const FAULTY = FAULTS.map(({ address }) => address);

/** Its status is all that a check waits for, so it counts as healthy. */
const ENDLESS = "127.0.3.1:80";

let namespace: Namespace;
let healthy: ServerFarm;
let faulty: ServerFarm;

beforeEach(async () => {
  namespace = await Namespace.create();
  [healthy, faulty] = await Promise.all([ServerFarm.start(namespace), ServerFarm.start(namespace)]);
  await healthy.behave("healthy", HEALTHY);
});

afterEach(async () => {
  await healthy[Symbol.asyncDispose]();
  await faulty[Symbol.asyncDispose]();
  await namespace[Symbol.asyncDispose]();
});

test("takes out each faulty server, for a reason that people understand, without delaying anybody's checks", async () => {
  await faulty.behave("healthy", [...FAULTY, ENDLESS]);
  using history = new WeightHistory(namespace);
  const everybody = [...HEALTHY, ...FAULTY, ENDLESS];
  await using care = startCare(namespace, [...FLAGS, "--rs", everybody.join(",")]);
  await waitForTable(namespace, { [`TCP ${VIRTUAL_SERVER} rr`]: weights(everybody, 1) });

  // A busy machine makes checks late for a while; a loop that waits for the slowest server makes them all late, all the time.
  const before = await waitFor(gaps, ({ median }) => isBetween(median, 0.8, 1.1));

  await breakThem();
  const during = await waitFor(
    gaps,
    ({ median, upperQuartile }) =>
      isBetween(median / before.median, 0.8, 1.25) && upperQuartile / before.upperQuartile < 1.5,
  );
  await waitForTable(namespace, { [`TCP ${VIRTUAL_SERVER} rr`]: weights([...HEALTHY, ENDLESS], 1) });

  console.log("gaps between checks, in intervals", { before, during });
  await waitForEqual(
    () => FAULTY.map((address) => [address, history.of(address)]),
    FAULTY.map((address) => [address, [1, 0, "absent"]]),
  );
  expect([...HEALTHY, ENDLESS].map((address) => history.of(address))).toEqual([[1], [1], [1], [1]]);
  await waitFor(
    () => care.logged(/ → (draining|removed)/),
    ({ length }) => length >= 2 * FAULTS.length,
  );
  expect<unknown>(care.logged(/ → (draining|removed)/).toSorted()).toEqual(
    FAULTS.flatMap(({ address, reason }) => [
      // As they sort.
      logLine(`${address} draining → removed`, reason),
      logLine(`${address} healthy → draining`, reason),
    ]),
  );
  // Where the daemon gets no turn for a while, `status` tells of the table alone.
  const told = await waitFor(
    () => healthByServer(care),
    (states) => !JSON.stringify(states).includes("unknown"),
  );
  expect(told).toEqual({
    ...Object.fromEntries([...HEALTHY, ENDLESS].map((address) => [address, ["healthy", "status 200"]])),
    ...Object.fromEntries(FAULTS.map(({ address, reason }) => [address, ["removed", expect.stringMatching(reason)]])),
  });
  expect(new Set(await answersToClients(HEALTHY.length * 4))).toEqual(new Set([...HEALTHY, "x".repeat(12)]));

  await mendThem();
  await waitForTable(namespace, { [`TCP ${VIRTUAL_SERVER} rr`]: weights(everybody, 1) });
}, 300_000);

test("never gives a weight to a server that is dead from the start", async () => {
  using history = new WeightHistory(namespace);
  await breakThem();
  await using care = startCare(namespace, [...FLAGS, "--rs", [...FAULTY, ...HEALTHY].join(",")]);
  await waitForTable(namespace, { [`TCP ${VIRTUAL_SERVER} rr`]: weights(HEALTHY, 1) });
  for (const { address, reason } of FAULTS) {
    const line = await care.waitForLog(new RegExp(`${address} recovering → removed`));
    expect<unknown>(line).toEqual(logLine(`${address} recovering → removed`, reason));
  }
  await checksOf(healthy, 4);
  // A busy machine lets it look less often.
  await waitFor(
    () => history.looks,
    (looks) => looks > 1000,
  );
  expect(FAULTY.map((address) => history.of(address))).toEqual(FAULTY.map(() => []));
});

test("does not follow a redirect to another server", async () => {
  const [redirecting, other] = ["127.0.4.1:80", "127.0.4.2:80"];
  await faulty.behave({ redirectsTo: `http://${other}/healthz` }, [redirecting]);
  await faulty.behave("healthy", [other]);
  await using care = startCare(namespace, [...FLAGS, "--rs", redirecting]);
  await care.waitForLog(new RegExp(`${redirecting} recovering → healthy: status 302`));
  expect(await checksOf(faulty, 3, [redirecting])).toEqual({ [redirecting]: expect.any(Array), [other]: [] });
});

test("takes any certificate, until told to look at it", async () => {
  const address = "127.0.5.1:443";
  await faulty.behave("healthy", [address], selfSigned(["127.0.5.1"]));
  const flags = ["--vs", VIRTUAL_SERVER, "--rs", address, "--interval", "1"];
  {
    await using _care = startCare(namespace, flags);
    await waitForTable(namespace, { [`TCP ${VIRTUAL_SERVER} rr`]: { [address]: 1 } });
  }
  await using care = startCare(namespace, [...flags, "--health-insecure-skip-verify=false", "--last-resort=false"]);
  await waitForTable(namespace, { [`TCP ${VIRTUAL_SERVER} rr`]: {} });
  const reason = "certificate is not trusted (self-signed)";
  await waitForEqual(
    () => care.logged(/ → /),
    [
      `INFO real server ${address} healthy → draining: ${reason}`,
      `INFO real server ${address} draining → removed: ${reason}`,
    ],
  );
  expect(await healthByServer(care)).toEqual({ [address]: ["removed", reason] });
});

test.each(["http", "https"])("checks over %s directly, whatever proxy the environment names", async (scheme) => {
  const [address, proxy] = ["127.0.6.1:80", "127.0.6.2:3128"];
  await faulty.behave("healthy", [address], scheme === "https" ? selfSigned(["127.0.6.1"]) : undefined);
  await faulty.behave({ status: 502 }, [proxy]);
  const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
  const env = Object.fromEntries(names.map((name) => [name, `http://${proxy}`]));
  await using care = startCare(namespace, [...FLAGS, "--health-schem", scheme, "--rs", address], env);
  await care.waitForLog(new RegExp(`${address} recovering → healthy`));
  expect(await checksOf(faulty, 3, [address])).toEqual({ [address]: expect.any(Array), [proxy]: [] });
  expect(tableOf(namespace)).toEqual({ [`TCP ${VIRTUAL_SERVER} rr`]: { [address]: 1 } });
});

async function breakThem(): Promise<void> {
  await faulty.behave("endless", [ENDLESS]);
  for (const { address, behaviour } of FAULTS) {
    if (behaviour === "silent") await swallow(address);
    else await faulty.behave(behaviour, [address]);
  }
}

async function mendThem(): Promise<void> {
  await namespace.exec("iptables-legacy", "--flush", "INPUT");
  await faulty.behave("healthy", [...FAULTY, ENDLESS]);
}

/** Drops what comes to the server, as the network of a host without power does. */
async function swallow(address: string): Promise<void> {
  const [host = "", port = ""] = address.split(":");
  const rule = `--protocol tcp --destination ${host} --dport ${port} --jump DROP`;
  await namespace.exec("iptables-legacy", "--append", "INPUT", ...rule.split(" "));
}

/** What the servers of a farm are asked from now on, until each of these has been asked so many times. */
async function checksOf(
  farm: ServerFarm,
  atLeast: number,
  addresses: readonly string[] = HEALTHY,
): Promise<Readonly<Record<string, readonly SeenRequest[]>>> {
  const all: Record<string, SeenRequest[]> = {};
  await farm.takeRequests();
  await waitFor(
    async () => {
      for (const [address, seen] of Object.entries(await farm.takeRequests())) (all[address] ??= []).push(...seen);
      return all;
    },
    () => addresses.every((address) => (all[address]?.length ?? 0) >= atLeast),
    { everyMs: 100, timeoutMs: 60_000 },
  );
  return all;
}

/** Between some checks of the healthy servers. */
async function gaps(): Promise<CheckGaps> {
  return checkGaps(Object.values(await checksOf(healthy, 7)), INTERVAL_MS);
}

function isBetween(value: number, least: number, most: number): boolean {
  return least <= value && value < most;
}

/** How the answers begin that a client gets, one after the other. */
async function answersToClients(count: number): Promise<readonly string[]> {
  const answers: string[] = [];
  const ask = ["sh", "-c", `curl -sS --max-time 10 http://${VIRTUAL_SERVER}/ | head -c 12`];
  for (let asked = 0; asked < count; asked++) answers.push((await namespace.run(ask)).stdout);
  return answers;
}

async function healthByServer(care: CareProcess): Promise<Record<string, unknown>> {
  const report = JSON.parse(await care.status("-o", "json")) as StatusReport;
  const servers = report.virtualServers.flatMap(({ realServers }) => realServers);
  return Object.fromEntries(servers.map(({ address, state, lastVerdict }) => [address, [state, lastVerdict?.reason]]));
}

function logLine(change: string, reason: RegExp): unknown {
  return expect.stringMatching(new RegExp(`^INFO real server ${change}: ${reason.source.slice(1)}`));
}

function weights(addresses: readonly string[], weight: number): Record<string, number> {
  return Object.fromEntries(addresses.map((address) => [address, weight]));
}
