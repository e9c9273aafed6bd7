import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { KeepAliveServer } from "./support/keep-alive-server.ts";
import { startCare } from "./support/lvscare.ts";
import { connect, Namespace } from "./support/namespace.ts";
import { SteadyClients } from "./support/steady-clients.ts";
import { waitForEqual } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(180_000);

const VS = "10.96.0.1:80";
const TITLE = `TCP ${VS} rr`;
const A = "10.0.1.2:80";
const B = "10.0.1.3:80";
const C = "10.0.1.4:80";
const SERVERS = [A, B, C];

let node: Namespace;
let master: Namespace;
let servers: Record<string, KeepAliveServer>;

beforeEach(async () => {
  [node, master] = await Promise.all([Namespace.create(), Namespace.create()]);
  await connect([node, "10.0.1.1/24"], [master, "10.0.1.2/24"]);
  await master.addAddress("10.0.1.3/24", "cable");
  await master.addAddress("10.0.1.4/24", "cable");
  servers = Object.fromEntries(
    await Promise.all(SERVERS.map(async (address) => [address, await KeepAliveServer.start(master, address)] as const)),
  );
});

afterEach(async () => {
  for (const server of Object.values(servers)) await server[Symbol.asyncDispose]();
  await Promise.all([node, master].map((namespace) => namespace[Symbol.asyncDispose]()));
});

test("a killed server is out of rotation long before its next check", async () => {
  await using care = startCare(node, flags("10m"));
  await waitForTable(node, table({ [A]: 1, [B]: 1, [C]: 1 }));
  servers[B]?.signal("SIGKILL");
  await waitForTable(node, table({ [A]: 1, [B]: 0, [C]: 1 }));
  // The kernel ends the connections of a process before or after its listener: the new dial is refused, or accepted for an instant.
  await care.waitForLog(/^INFO real server 10\.0\.1\.3:80 healthy → draining: (connect refused|connection reset)$/);
});

test("so are those on a host that falls silent, although nothing tells their end", async () => {
  await using care = startCare(node, flags("10m"));
  await waitForTable(node, table({ [A]: 1, [B]: 1, [C]: 1 }));
  await master.exec("tc", "qdisc", "add", "dev", "cable", "root", "netem", "loss", "100%");
  await waitForTable(node, table({ [A]: 0, [B]: 0, [C]: 0 }));
  // Mostly by the kept connection; on a busy machine the new one may be the first to be given up. The next check is not due for minutes.
  const reason = /→ draining: (?:answers nothing any more|connect timed out after 3s)$/;
  await waitForEqual(() => care.logged(reason).length, SERVERS.length);
  expect(care.logged(/→ draining: /)).toHaveLength(SERVERS.length);
});

/** Longer than a test takes: whatever is noticed before is not noticed by a connection's timeout. */
const PATIENT = ["--sentinel-timeout", "10m"];

test("a link that goes down makes those behind it suspect at once", async () => {
  await using care = startCare(node, [...flags("10m"), ...PATIENT]);
  await waitForTable(node, table({ [A]: 1, [B]: 1, [C]: 1 }));
  await master.exec("ip", "link", "set", "cable", "down");
  await waitForTable(node, table({ [A]: 0, [B]: 0, [C]: 0 }));
  await waitForEqual(() => care.logged(/→ draining: /).length, 3);
});

test("so does a neighbour that no longer answers for its address", async () => {
  await node.exec("sysctl", "-qw", "net.ipv4.neigh.cable.base_reachable_time_ms=1000");
  await node.exec("sysctl", "-qw", "net.ipv4.neigh.cable.delay_first_probe_time=1");
  await using care = startCare(node, [...flags("10m"), ...PATIENT]);
  await waitForTable(node, table({ [A]: 1, [B]: 1, [C]: 1 }));
  await master.exec("ip", "address", "del", "10.0.1.3/24", "dev", "cable");
  await waitForTable(node, table({ [A]: 1, [B]: 0, [C]: 1 }), { timeoutMs: 60_000 });
  await waitForEqual(() => care.logged(/→ draining: /).length, 1);
});

test("without sentinels nothing is noticed before the next check", async () => {
  // Until its next check it is draining, which a test has to see that may not get a turn for some seconds.
  await using care = startCare(node, [...flags("8"), "--sentinel=false"]);
  await waitForTable(node, table({ [A]: 1, [B]: 1, [C]: 1 }));
  const before = await care.waitForLog(/probe of 10\.0\.1\.3:80 passed/, { times: 2 });
  servers[B]?.signal("SIGKILL");
  await waitForTable(node, table({ [A]: 1, [B]: 0, [C]: 1 }));
  expect(before).toContain("status 200");
  await waitForEqual(() => care.logged(/→ draining: connect refused$/).length, 1);
});

test("packet loss alone takes nobody out", async () => {
  await using care = startCare(node, flags("1"));
  await waitForTable(node, table({ [A]: 1, [B]: 1, [C]: 1 }));
  for (const host of [node, master])
    await host.exec("tc", "qdisc", "add", "dev", "cable", "root", "netem", "loss", "5%");
  await care.waitForLog(/probe of 10\.0\.1\.2:80 passed/, { times: 45, timeoutMs: 120_000 });
  expect(care.logged(/→ (draining|removed)/)).toEqual([]);
  expect(tableOf(node)).toEqual(table({ [A]: 1, [B]: 1, [C]: 1 }));
});

test("a client of this host never has the port of a connection that is kept: the server would take it for that one, and not answer", async () => {
  // Connecting takes those that are even first.
  await node.exec("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40031");
  await using _care = startCare(node, [...flags("10m", [A]), "--check-way=false"]);
  await waitForTable(node, table({ [A]: 1 }));
  await using clients = await SteadyClients.start(node);
  for (let held = 0; held < 16; held++) expect(await clients.hold(`${held}`, VS)).toBe("ok");
});

// --- internal ---

function flags(interval: string, servers: readonly string[] = SERVERS): string[] {
  const rs = servers.flatMap((server) => ["--rs", server]);
  return [
    "--vs",
    VS,
    ...rs,
    "--interval",
    interval,
    "--health-schem",
    "http",
    "--health-path",
    "/",
    "--logger",
    "DEBG",
  ];
}

function table(weights: Readonly<Record<string, number>>): Record<string, Record<string, number>> {
  return { [TITLE]: weights };
}
