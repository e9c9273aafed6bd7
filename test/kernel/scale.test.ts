import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { StatusReport } from "../../src/domain/status.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableOf, waitForTable, type IpvsTable } from "./support/ipvs-table.ts";
import { startCare, type CareProcess } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";
import { ServerFarm } from "./support/server-farm.ts";
import { waitFor } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(1_800_000);

const VIRTUAL_SERVER = "127.1.0.1:80";
/** What takes seconds here takes minutes where others have most of the processors. */
const PATIENCE = { timeoutMs: 300_000, everyMs: 200 };

let namespace: Namespace;
let farm: ServerFarm;

beforeEach(async () => {
  namespace = await Namespace.create();
  farm = await ServerFarm.start(namespace);
});

afterEach(async () => {
  await farm[Symbol.asyncDispose]();
  await namespace[Symbol.asyncDispose]();
});

/** A check costs the emulated machine about a millisecond on either side: with a thousand servers, each second is more than it has. */
describe.each([
  { count: 300, interval: 1 },
  { count: 1000, interval: 5 },
])("$count real servers", ({ count, interval }) => {
  const addresses = addressesOf(count);
  const flags = ["--vs", VIRTUAL_SERVER, "--health-schem", "http", "--interval", String(interval)];

  test("all enter, stay when the daemon stops and is there again, while they answer, go when they die and come back", async () => {
    await farm.behave("healthy", addresses);
    const startedAt = performance.now();
    await using first = start();
    await waitForTable(namespace, tableWith(addresses), PATIENCE);
    console.log("all in after", since(startedAt), cost(first));
    expect(await first.stop()).toBe(0);
    expect(first.logged(/^(WARN|ERROR) |→ (draining|removed)/)).toEqual([]);
    expect(tableOf(namespace)).toEqual(tableWith(addresses));

    await farm.takeRequests();
    await using care = start();
    await everybodyIsAsked(3);
    expect(tableOf(namespace)).toEqual(tableWith(addresses));
    console.log("after three checks of each", cost(care));
    expect(care.logged(/→ (draining|removed)/)).toEqual([]);

    const brokenAt = performance.now();
    await farm.behave("dead", addresses);
    await waitFor(standing, (left) => left === 0, PATIENCE);
    console.log("no weight left after", since(brokenAt));
    await waitForTable(namespace, tableWith([]), PATIENCE);
    console.log("all away after", since(brokenAt));
    expect(await healthOf(care)).toEqual({ removed: count });

    const mendedAt = performance.now();
    await farm.behave("healthy", addresses);
    await waitForTable(namespace, tableWith(addresses), PATIENCE);
    console.log("all back after", since(mendedAt), cost(care));

    const stoppedAt = performance.now();
    expect(await care.stop()).toBe(0);
    console.log("stopped after", since(stoppedAt));
  });

  function start(): CareProcess {
    return startCare(namespace, [...flags, "--rs", addresses.join(",")]);
  }

  async function standing(): Promise<number> {
    const table = tableOf(namespace);
    return Object.values(table)
      .flatMap((servers) => Object.values(servers))
      .filter((weight) => weight > 0).length;
  }

  async function everybodyIsAsked(times: number): Promise<void> {
    const asked = new Map<string, number>();
    await waitFor(
      async () => {
        for (const [address, seen] of Object.entries(await farm.takeRequests())) {
          asked.set(address, (asked.get(address) ?? 0) + seen.length);
        }
        return asked;
      },
      () => addresses.every((address) => (asked.get(address) ?? 0) >= times),
      PATIENCE,
    );
  }
});

async function healthOf(care: CareProcess): Promise<Record<string, number>> {
  const report = JSON.parse(await care.status("-o", "json")) as StatusReport;
  const counts: Record<string, number> = {};
  for (const { state } of report.virtualServers.flatMap(({ realServers }) => realServers)) {
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

function tableWith(addresses: readonly string[]): IpvsTable {
  return { [`TCP ${VIRTUAL_SERVER} rr`]: Object.fromEntries(addresses.map((address) => [address, 1])) };
}

/** `127.0.x.y`, never ending in 0 or 255. */
function addressesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}:8080`);
}

function since(startedAt: number): string {
  return `${Math.round(performance.now() - startedAt)} ms`;
}

/** Processor time of the daemon since its start: fields 14 and 15 of proc(5), in hundredths of a second. */
function cost({ pid }: CareProcess): string {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return `${(Number(fields[11]) + Number(fields[12])) * 10} ms of processor time`;
}
