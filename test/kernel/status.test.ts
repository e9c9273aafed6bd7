import { expect, setDefaultTimeout, test } from "bun:test";
import type { StatusReport } from "../../src/domain/status.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { startHost } from "./support/host.ts";
import { waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const [A, B, C] = SERVERS;

test.concurrent("status says the same as ipvsadm in each of its formats", async () => {
  await using host = await startHost();
  const { namespace, echo } = host;
  await using care = startCare(namespace, careFlags());
  await waitForTable(namespace, tableWith());
  await echo.close(C);
  await waitForTable(namespace, tableWith([A, B]));

  const standing: Standing = { [A]: ["healthy", 1], [B]: ["healthy", 1], [C]: ["removed", undefined] };
  const fromJson = JSON.parse(await care.status("-o", "json")) as StatusReport;
  expect(fromJson).toMatchObject({ source: "daemons", virtualServers: [{ address: VS, daemon: { pid: care.pid } }] });
  expect(standingOf(fromJson)).toEqual(standing);
  expect(standingOf(Bun.YAML.parse(await care.status("-o", "yaml")) as StatusReport)).toEqual(standing);
  const rows = (await care.status()).split("\n").map((line) => line.trim().split(/\s+/));
  expect(
    SERVERS.map((server) => rows.find(([address]) => address === server)).map((row) => [row?.[1], row?.[3]]),
  ).toEqual([
    ["healthy", "1"],
    ["healthy", "1"],
    ["removed", "-"],
  ]);
});

test.concurrent("status without a daemon shows the kernel's table, and says that it does", async () => {
  await using host = await startHost();
  const { namespace } = host;
  await namespace.exec("ipvsadm", "-A", "-t", VS, "-s", "wlc");
  await namespace.exec("ipvsadm", "-a", "-t", VS, "-r", A, "-m", "-w", "7");
  const report = JSON.parse((await runLvscare(namespace, ["status", "-o", "json"])).stdout) as StatusReport;
  expect(report).toMatchObject({
    source: "table",
    notes: ["no lvscare daemon answers in /run/lvscare; this is the kernel's table, with no health known"],
    virtualServers: [{ address: VS, scheduler: "wlc" }],
  });
  expect(standingOf(report)).toEqual({ [A]: ["unknown", 7] });
});

test.concurrent("a second daemon for the same virtual server is refused with the first one's pid, one for another is not", async () => {
  await using host = await startHost();
  const { namespace } = host;
  const other = "10.96.0.2:80";
  await using first = startCare(namespace, careFlags());
  await waitForTable(namespace, tableWith());
  const second = await runLvscare(namespace, ["care", ...careFlags([A])]);
  expect([second.exitCode, second.stderr]).toEqual([
    1,
    `lvscare: pid ${first.pid} already cares for tcp ${VS} (stop it first, or ask it with \`lvscare status\`)\n`,
  ]);
  await using _neighbour = startCare(namespace, careFlags([A], other));
  await waitForTable(namespace, { ...tableWith(), ...tableWith([A], other) });
});

// --- internal ---

/** State and weight of each real server. */
type Standing = Record<string, (string | number | undefined)[]>;

function standingOf(report: StatusReport): Standing {
  const realServers = report.virtualServers.flatMap((server) => server.realServers);
  return Object.fromEntries(realServers.map(({ address, state, weight }) => [address, [state, weight]]));
}
