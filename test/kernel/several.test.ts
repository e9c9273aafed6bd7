import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { EchoServers } from "./support/echo-server.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { CareProcess } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";
import { waitForEqual } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const SERVERS = ["127.0.0.1:8081", "127.0.0.1:8082"] as const;
const [A, B] = SERVERS;
const [FIRST, SECOND] = ["10.103.97.2:6443", "10.103.97.3:6443"] as const;
const CHECKS = ["--interval=1", "--health-schem=http", "--health-path=/"];
const PROGRAM = join(import.meta.dir, "../app/support/care-for-process.ts");

test("two virtual servers in one process are made, routed and kept each by itself, over one connection to IPVS", async () => {
  await using namespace = await Namespace.create();
  await using echo = await EchoServers.start(namespace, SERVERS);
  const lines = [
    ["--vs", FIRST, "--rs", A, "--rs", B, ...CHECKS],
    ["--vs", SECOND, "--rs", B, ...CHECKS],
  ];
  const argv = [process.execPath, PROGRAM, ...lines.map((line) => JSON.stringify(line))];
  await using care = new CareProcess(namespace, namespace.spawn(argv));
  const both = { [`TCP ${FIRST} rr`]: { [A]: 1, [B]: 1 }, [`TCP ${SECOND} rr`]: { [B]: 1 } };
  await waitForTable(namespace, both);
  const routes = async (): Promise<string[]> => {
    const text = await namespace.exec("ip", "route", "show", "table", "all", "proto", "76");
    return [...text.matchAll(/10\.103\.97\.\d+/g)].map(([address]) => address);
  };
  await waitForEqual(routes, ["10.103.97.2", "10.103.97.3"]);
  expect(genericNetlinkSockets(care.pid)).toBe(1);

  // One check of the same real server serves none for the other: each has machines of its own.
  await echo.close(A);
  await waitForTable(namespace, { ...both, [`TCP ${FIRST} rr`]: { [B]: 1 } });
  await namespace.exec("ipvsadm", "-D", "-t", SECOND);
  await waitForTable(namespace, { ...both, [`TCP ${FIRST} rr`]: { [B]: 1 } });
  await care.waitForLog(/^WARN tcp 10\.103\.97\.3:6443: repaired what someone else changed/);
  expect(await care.stop()).toBe(0);
  expect(tableOf(namespace)).toEqual({ ...both, [`TCP ${FIRST} rr`]: { [B]: 1 } });
});

// --- internal ---

/** `NETLINK_GENERIC` is 16 in linux/netlink.h; of a port id, libnl has the lowest 22 bits be the process's id. */
function genericNetlinkSockets(pid: number): number {
  const rows = readFileSync(`/proc/${pid}/net/netlink`, "utf8").trim().split("\n").slice(1);
  return rows.filter((row) => {
    const [, protocol, port] = row.trim().split(/\s+/);
    return protocol === "16" && (Number(port) & 0x3fffff) === pid;
  }).length;
}
