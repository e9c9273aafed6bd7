import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { waitForTable } from "./support/ipvs-table.ts";
import { KeepAliveServer } from "./support/keep-alive-server.ts";
import { startCare } from "./support/lvscare.ts";
import { connect, Namespace, type Child } from "./support/namespace.ts";

requireTestKernel();
setDefaultTimeout(400_000);

const VIP = "10.96.0.1";
const VS = `${VIP}:80`;
const A = "10.0.1.2:80";
const B = "10.0.1.3:80";

/** How long an answer is waited for depends on how long they took before: on a busy machine that is long. */
const PATIENCE = { timeoutMs: 90_000 };

let node: Namespace;
let master: Namespace;
let servers: Record<string, KeepAliveServer>;
let clients: Child;

beforeEach(async () => {
  [node, master] = await Promise.all([Namespace.create(), Namespace.create()]);
  await connect([node, "10.0.1.1/24"], [master, "10.0.1.2/24"]);
  await master.addAddress("10.0.1.3/24", "cable");
  // Clients on the node speak from the virtual address.
  await node.addAddress(`${VIP}/32`, "lo");
  await master.exec(..."ip route add default via 10.0.1.1".split(" "));
  servers = Object.fromEntries(
    await Promise.all([A, B].map(async (address) => [address, await KeepAliveServer.start(master, address)] as const)),
  );
  const program = `setInterval(() => fetch("http://${VS}/", { keepalive: false, signal: AbortSignal.timeout(5000) }).catch(() => undefined), 50);`;
  clients = node.spawn([process.execPath, "-e", program]);
});

afterEach(async () => {
  clients.kill("SIGKILL");
  await clients.exited;
  for (const server of Object.values(servers)) await server[Symbol.asyncDispose]();
  await Promise.all([node, master].map((namespace) => namespace[Symbol.asyncDispose]()));
});

test("a server that hangs gets no new clients long before its next check, and gets them again when it goes on", async () => {
  await using care = startCare(node, flags());
  await waitForTable(node, table({ [A]: 1, [B]: 1 }), PATIENCE);
  servers[B]?.signal("SIGSTOP");
  await waitForTable(node, table({ [A]: 1, [B]: 0 }), PATIENCE);
  await care.waitForLog(/^WARN real server 10\.0\.1\.3:80 answers neither its clients nor a check within /, PATIENCE);
  servers[B]?.signal("SIGCONT");
  await waitForTable(node, table({ [A]: 1, [B]: 1 }), PATIENCE);
  await care.waitForLog(/^INFO real server 10\.0\.1\.3:80 answers again$/, PATIENCE);
  // It stayed healthy all the while.
  expect(care.logged(/→ draining/)).toEqual([]);
});

test("while nobody else serves it keeps its weight", async () => {
  await using care = startCare(node, flags());
  await waitForTable(node, table({ [A]: 1, [B]: 1 }), PATIENCE);
  servers[B]?.signal("SIGSTOP");
  await waitForTable(node, table({ [A]: 1, [B]: 0 }), PATIENCE);
  servers[A]?.signal("SIGSTOP");
  await waitForTable(node, table({ [A]: 1, [B]: 1 }), PATIENCE);
  await care.waitForLog(/^WARN real server 10\.0\.1\.2:80 answers neither/, PATIENCE);
});

// --- internal ---

/** By the regular checks nothing is found while a test lasts. */
function flags(): string[] {
  const rs = [A, B].flatMap((server) => ["--rs", server]);
  const checks = "--interval 10m --health-timeout 10m --health-schem http --health-path / --mode none --logger DEBG";
  return ["--vs", VS, ...rs, ...checks.split(" ")];
}

function table(weights: Readonly<Record<string, number>>): Record<string, Record<string, number>> {
  return { [`TCP ${VS} rr`]: weights };
}
