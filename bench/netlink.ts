import { realServer, virtualServer } from "../src/domain/virtual-server.ts";
import { parseEndpoint } from "../src/domain/endpoint.ts";
import { NetlinkConnection } from "../src/netlink/connection.ts";
import { resolveFamily } from "../src/netlink/generic.ts";
import { deleteService, newDestination, newService } from "../src/netlink/ipvs/requests.ts";
import { openKernelTransport } from "../src/netlink/kernel-transport.ts";
import { median, report } from "./support/measures.ts";
import { SETTINGS } from "./support/settings.ts";

// Writes to the kernel's table: ours one by one and batched, against ipvsadm for each and ipvsadm -R for all. In a lab.

// The kernel looks through all of a service's real servers before it takes another: with many more, that is what would be measured.
const SERVERS = 500;
const TABLES = 4;
const ROUNDS = SETTINGS.isQuick ? 2 : 9;
const VS = "10.0.0.1:80";

for (const module of ["ip_vs", "ip_vs_rr"]) Bun.spawnSync(["modprobe", module]);
const connection = new NetlinkConnection(() => openKernelTransport("generic"));
const resolved = resolveFamily(connection, "IPVS");
if (typeof resolved !== "number") throw new Error(resolved.errno);
const family: number = resolved;
const service = virtualServer({ protocol: "tcp", endpoint: parseEndpoint(VS) }, "rr");
const addresses = Array.from({ length: SERVERS }, (_, index) => `10.1.${index >> 8}.${index & 255}:80`);
const servers = addresses.map((address) => realServer(parseEndpoint(address)));
const rules = addresses.map((address) => `-a -t ${VS} -r ${address} -m -w 1\n`).join("");

const rates = { single: [] as number[], batched: [] as number[], spawned: [] as number[], restored: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  rates.single.push(
    rate(SERVERS, () => {
      for (const server of servers) connection.request(newDestination(family, service, server), () => undefined);
    }),
  );
  rates.batched.push(
    rate(SERVERS, () => void connection.batch(servers.map((one) => newDestination(family, service, one)))),
  );
  rates.spawned.push(
    rate(10, () => {
      for (const address of addresses.slice(0, 10)) Bun.spawnSync(["ipvsadm", "-a", "-t", VS, "-r", address, "-m"]);
    }),
  );
  rates.restored.push(rate(SERVERS, () => Bun.spawnSync(["ipvsadm", "-R"], { stdin: Buffer.from(rules) })));
}
const [single, batched, spawned, restored] = [rates.single, rates.batched, rates.spawned, rates.restored].map(
  median,
) as [number, number, number, number];
report([
  {
    what: "batched, against ipvsadm for each",
    unit: "1/s",
    ours: batched,
    peer: spawned,
    goal: "1000 times",
    isMet: batched >= 1000 * spawned,
  },
  {
    what: "batched, against ipvsadm -R",
    unit: "1/s",
    ours: batched,
    peer: restored,
    goal: "10 times",
    isMet: batched >= 10 * restored,
  },
  { what: "one by one, against ipvsadm for each", unit: "1/s", ours: single, peer: spawned },
]);

// --- internal ---

/** Operations a second, over several tables that are empty before. */
function rate(operations: number, write: () => void): number {
  let tookMs = 0;
  for (let table = 0; table < TABLES; table++) {
    connection.batch([deleteService(family, service), newService(family, service)]);
    const startedMs = performance.now();
    write();
    tookMs += performance.now() - startedMs;
  }
  return (TABLES * operations * 1000) / tookMs;
}
