import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runtimeDirectory } from "../../src/control/runtime-directory.ts";
import type { EventReport } from "../../src/domain/event-record.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import type { StatusReport, VirtualServerStatus } from "../../src/domain/status.ts";
import { ALIVE } from "../cli/care-program.ts";
import { runProgram } from "../cli/run-program.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { answering } from "../probe/http/support/raw-server.ts";

setDefaultTimeout(60_000);

test("two virtual servers in one process have each their own state and holds, one schedule, one page and one set of metrics", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-several-"));
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  using server = answering(ALIVE);
  const real = formatEndpoint(server.endpoint);
  const [first, second] = ["127.77.9.1:18090", "127.77.9.2:18090"] as const;
  const web = "127.77.9.3:18091";
  const common = ["--rs", real, "--data-plane=userspace", "--mode=", "--health-schem=http", "--interval=1s"];
  await using child = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, "support/care-for-process.ts"),
      JSON.stringify(["--vs", first, ...common, "--http-listen", web]),
      JSON.stringify(["--vs", second, ...common]),
    ],
    { env: environment, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const get = (path: string): Promise<Response> => fetch(`http://${web}${path}`, { redirect: "manual" });
  const statuses = async (): Promise<readonly VirtualServerStatus[]> => {
    const { stdout } = await runProgram(["status", "-o", "json"], environment);
    const { virtualServers } = JSON.parse(stdout) as StatusReport;
    // Those of other tests are there as well.
    return virtualServers.filter(({ address }) => address === first || address === second);
  };
  const weights = async (): Promise<unknown> =>
    (await statuses()).map(({ address, realServers }) => [address, realServers.map(({ weight }) => weight)]);

  const both = [
    [first, [1]],
    [second, [1]],
  ];
  await waitFor(weights, (now) => Bun.deepEquals(now, both));
  const pids = (await statuses()).map(({ daemon }) => daemon?.pid);
  expect(pids).toEqual([child.pid, child.pid]);

  // A hold is one virtual server's alone.
  expect(await runProgram(["drain", real, "--vs", second], environment)).toMatchObject({ code: 0 });
  expect(await weights()).toEqual([
    [first, [1]],
    [second, [0]],
  ]);
  const names = await readdir(runtimeDirectory(environment, process.getuid?.() ?? 0));
  const held = names.filter((name) => name.endsWith(".holds.json") && name.startsWith("tcp-127.77.9."));
  expect(held).toEqual([expect.stringContaining(`tcp-${second}`)]);

  // The page, what it shows, and what a script asks for.
  const page = await get("/");
  expect([page.status, page.headers.get("location")]).toEqual([302, `?vs=${encodeURIComponent(first)}`]);
  expect(await (await get("/api/v1/virtual-servers")).json()).toEqual([first, second]);
  const ofSecond = (await (await get(`/api/v1/status?vs=${second}`)).json()) as VirtualServerStatus;
  expect([ofSecond.address, ofSecond.realServers[0]?.hold?.drained]).toEqual([second, true]);
  const events = (await (await get(`/api/v1/events?vs=${first}`)).json()) as EventReport;
  expect(events.events.map(({ type }) => type)).toContain("virtualServer.adopted");
  expect(events.events.map(({ type }) => type)).not.toContain("realServer.held");
  const unnamed = await get("/api/v1/status");
  expect([unnamed.status, await unnamed.text()]).toEqual([400, `?vs= names one of ${first}, ${second}\n`]);
  const ready = await get("/readyz");
  expect([ready.status, await ready.text()]).toEqual([503, `${second}: no real server is in service\n`]);
  const metrics = await (await get("/metrics")).text();
  expect(metrics.match(/^# TYPE lvscare_build_info .*$/gm)).toHaveLength(1);
  for (const address of [first, second]) expect(metrics).toContain(`lvscare_checks_total{virtual_server="${address}",`);

  expect(await runProgram(["undrain", real, "--vs", second], environment)).toMatchObject({ code: 0 });
  child.kill("SIGTERM");
  const log = await child.stderr.text();
  expect(await child.exited).toBe(0);
  for (const address of [first, second])
    expect(log).toContain(`INFO tcp ${address}: real server ${real} recovering → healthy: status 200\n`);
  await rm(folder, { recursive: true });
});
