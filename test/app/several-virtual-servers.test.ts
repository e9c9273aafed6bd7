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
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { counting } from "../probe/http/support/counting-server.ts";
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
  await using child = careForAll(environment, [
    ["--vs", first, ...common, "--http-listen", web],
    ["--vs", second, ...common],
  ]);
  const get = (path: string): Promise<Response> => fetch(`http://${web}${path}`, { redirect: "manual" });
  const statuses = () => statusesOf([first, second], environment);
  const weights = () => weightsOf([first, second], environment);

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

test("a real server that several virtual servers check alike is checked once for all of them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-alike-"));
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  let answer = ALIVE;
  const { server, connections, sockets } = counting(() => answer);
  using _ = server;
  const requests = () => server.requests.map((request) => request.split(" ")[1]).toSorted();
  const real = formatEndpoint(server.endpoint);
  const alike = ["127.77.9.4:18090", "127.77.9.5:18090"];
  const otherwise = "127.77.9.6:18090";
  const addresses = [...alike, otherwise];
  const setting =
    "--data-plane=userspace --mode= --health-schem=http --interval=24h --last-resort=false --check-way=false";
  const common = ["--rs", real, ...setting.split(" ")];
  await using child = careForAll(environment, [
    ...alike.map((address) => ["--vs", address, ...common, "--health-path=/alike"]),
    ["--vs", otherwise, ...common, "--health-path=/otherwise"],
  ]);
  const untilWeights = (...all: number[]) => {
    const expected = addresses.map((address, index) => [address, [all[index]]]);
    return waitForEqual(() => weightsOf(addresses, environment), expected);
  };

  await untilWeights(1, 1, 1);
  expect(requests()).toEqual(["/alike", "/otherwise"]);
  expect([connections(), sockets.size]).toEqual([2, 2]);

  // One end of one connection tells both.
  answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
  for (const socket of sockets) socket.end();
  await untilWeights(0, 0, 0);
  expect(requests()).toEqual(["/alike", "/alike", "/otherwise", "/otherwise"]);
  expect(connections()).toBe(4);

  // The operator's own check, and the one for all.
  answer = ALIVE;
  const [first = ""] = alike;
  expect(await runProgram(["check", real, "--vs", first], environment)).toMatchObject({ code: 0 });
  await untilWeights(1, 1, 0);
  expect(requests().filter((path) => path === "/alike")).toHaveLength(4);

  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  await rm(folder, { recursive: true });
});

// --- internal ---

/** One process that cares for these virtual servers, each by a command line of its own. */
function careForAll(environment: Record<string, string>, all: readonly (readonly string[])[]) {
  const script = join(import.meta.dir, "support/care-for-process.ts");
  return Bun.spawn([process.execPath, script, ...all.map((argv) => JSON.stringify(argv))], {
    env: environment,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
}

/** Those of other tests are there as well. */
async function statusesOf(
  addresses: readonly string[],
  environment: Record<string, string>,
): Promise<readonly VirtualServerStatus[]> {
  const { stdout } = await runProgram(["status", "-o", "json"], environment);
  const { virtualServers } = JSON.parse(stdout) as StatusReport;
  return virtualServers.filter(({ address }) => addresses.includes(address));
}

async function weightsOf(addresses: readonly string[], environment: Record<string, string>): Promise<unknown> {
  const statuses = await statusesOf(addresses, environment);
  return statuses.map(({ address, realServers }) => [address, realServers.map(({ weight }) => weight)]);
}
