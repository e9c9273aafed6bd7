import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { TimedEvent } from "../../src/app/events.ts";
import { VERSION } from "../../src/app/version.ts";
import { configSocketPath, runtimeDirectory } from "../../src/control/runtime-directory.ts";
import type { EventReport } from "../../src/domain/event-record.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import type { StatusReport, VirtualServerStatus } from "../../src/domain/status.ts";
import { ALIVE } from "../cli/care-program.ts";
import { runProgram } from "../cli/run-program.ts";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { counting } from "../probe/http/support/counting-server.ts";
import type { CaredFor } from "./support/care-for-process.ts";
import { answering } from "../probe/http/support/raw-server.ts";

setDefaultTimeout(120_000);

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
  expect(await runProgram(["drain", real, "--vs", second], environment)).toMatchObject({ code: 1 });
  expect(await weights()).toEqual([
    [first, [1]],
    [second, [0]],
  ]);
  const names = await readdir(runtimeDirectory(environment, process.getuid?.() ?? 0));
  const held = names.filter((name) => name.endsWith(".holds.json") && name.startsWith("tcp-127.77.9."));
  expect(held).toEqual([expect.stringContaining(`tcp-${second}`)]);

  // The page, what it shows, and what a script asks for.
  const page = await get("/");
  expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
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
  // What is the process's own is told once, of no virtual server.
  expect(metrics.match(/^lvscare_(build|event_loop|stall).*(?= )/gm)).toEqual([
    `lvscare_build_info{version="${VERSION}"}`,
    "lvscare_event_loop_lag_seconds",
    "lvscare_stalls_total",
    "lvscare_stalled_seconds_total",
  ]);
  for (const address of [first, second])
    expect(metrics).toContain(`lvscare_checks_total{virtual_server="${address}",protocol="tcp",`);

  expect(await runProgram(["undrain", real, "--vs", second], environment)).toMatchObject({ code: 0 });
  child.kill("SIGTERM");
  const log = await child.stderr.text();
  expect(await child.exited).toBe(0);
  for (const address of [first, second])
    expect(log).toContain(`INFO tcp ${address}: real server ${real} recovering → healthy: status 200\n`);
  await rm(folder, { recursive: true });
});

test("the virtual servers of one process are asked at one socket, and they and their real servers by name", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-names-"));
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  const runtime = runtimeDirectory(environment, process.getuid?.() ?? 0);
  using server = answering(ALIVE);
  using other = answering(ALIVE);
  const [real, second] = [formatEndpoint(server.endpoint), formatEndpoint(other.endpoint)];
  const [web, api, plain] = ["127.77.9.4:18090", "127.77.9.5:18090", "127.77.9.6:18090"] as const;
  const configFile = join(folder, "lvscare.yaml");
  const socket = configSocketPath(runtime, configFile);
  const flags = ["--data-plane=userspace", "--mode=", "--health-schem=http", "--interval=200ms"];
  const line = (address: string, ...servers: readonly string[]): readonly string[] => {
    return ["--vs", address, ...servers.flatMap((one) => ["--rs", one]), ...flags];
  };
  const caredFor: readonly CaredFor[] = [
    { line: line(web, real, second), name: "web", realServerNames: { [real]: "node-1", [second]: "node-2" } },
    { line: line(api, real), name: "api", realServerNames: { [real]: "node-1" } },
    { line: line(plain, second) },
  ];
  await using child = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, "support/care-for-process.ts"),
      ...caredFor.map((one) => JSON.stringify(one)),
    ],
    {
      env: { ...environment, CONFIG_FILE: configFile },
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(join(folder, "log")),
    },
  );
  const run = (...argv: readonly string[]) => runProgram(argv, environment);
  const refused = async (...argv: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(...argv);
    expect([code, stdout]).toEqual([1, ""]);
    return stderr.trimEnd().replace("lvscare: ", "");
  };
  const weightsOf = async (...words: readonly string[]): Promise<unknown> => {
    const { stdout } = await run("status", "-o", "json", ...words.flatMap((word) => ["--vs", word]));
    const { virtualServers } = JSON.parse(stdout || `{"virtualServers":[]}`) as Pick<StatusReport, "virtualServers">;
    return virtualServers.map(({ name, address, realServers }) => [
      name,
      address,
      ...realServers.map((one) => [one.name, one.weight]),
    ]);
  };
  const ofWeb = ["web", web, ["node-1", 1], ["node-2", 1]];
  const ofApi = ["api", api, ["node-1", 1]];
  const ofPlain = [undefined, plain, [undefined, 1]];
  // In the order of the configuration.
  await waitFor(
    () => weightsOf(plain, "api", web),
    (now) => Bun.deepEquals(now, [ofWeb, ofApi, ofPlain]),
  );
  const sockets = async (): Promise<readonly string[]> =>
    (await readdir(runtime)).filter(
      (name) => /^tcp-127\.77\.9\.[456]:.*\.sock$/.test(name) || name === basename(socket),
    );
  expect(await sockets()).toEqual([basename(socket)]);

  // A word that means several is refused with what it may mean.
  expect(await refused("drain", "node-1")).toBe(
    `node-1 stands behind web (${web}) and api (${api}) (name those that are meant: --vs ${web},${api})`,
  );
  expect(await refused("drain", "node-3", "--vs", "web")).toBe(
    `no real server node-3 is cared for (there are node-1 (${real}) (of web (${web})), node-2 (${second}) (of web (${web})))`,
  );
  const nobody = await refused("drain", "node-1", "--vs", "nobody");
  expect(nobody).toStartWith("no daemon cares for nobody (they care for ");
  for (const known of [`web (${web})`, `api (${api})`, plain]) expect(nobody).toContain(known);
  expect(await refused("status", "--vs", "nobody")).toStartWith("no virtual server nobody stands on this host");
  expect(await refused("doctor", "--vs", "nobody")).toBe("no daemon cares for nobody (name it by its address)");

  // One that means one is enough.
  expect(await run("drain", "node-2")).toEqual({
    code: 0,
    stdout: `node-2 (${second}) of web (${web}): drained; healthy, weight 0, 0 open connections\n`,
    stderr: "",
  });
  expect((await run("check", "node-1", "--vs", "api")).stdout).toStartWith(
    `node-1 (${real}) of api (${api}): passed: status 200\n`,
  );
  expect(await weightsOf("web", "web", plain)).toEqual([["web", web, ["node-1", 1], ["node-2", 0]], ofPlain]);
  const table = (await run("status", "--vs", "web")).stdout;
  expect(table).toStartWith(`web (tcp ${web})  serving · 1 of 2 in service · 1 drained\n`);
  expect(table).toContain(`  node-2 (${second})  drained`);

  // Ids are unique in the process: who has asked for all up to one misses nothing of any.
  const events = (await run("events", "--vs", `api,${web},${plain}`, "-o", "json")).stdout.trimEnd().split("\n");
  const records = events.map((text) => JSON.parse(text) as TimedEvent);
  expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
  expect(new Set(records.map(({ virtualServer = "" }) => virtualServer))).toEqual(new Set([api, web, plain]));
  expect((await run("events", "--vs", "api")).stdout).toContain(
    `  api (${api})  INFO   real server node-1 (${real}) recovering → healthy`,
  );

  const ofOne = (await run("events", "--vs", "web", "--rs", "node-2", "-o", "json")).stdout.trimEnd().split("\n");
  expect(new Set(ofOne.map((text) => (JSON.parse(text) as TimedEvent).server))).toContain(second);
  expect(ofOne.filter((text) => !text.includes(second))).toEqual([]);
  expect(new Set(ofOne.map((text) => (JSON.parse(text) as TimedEvent).serverName))).toContain("node-2");

  expect(await Bun.file(join(folder, "log")).text()).toContain(
    `INFO web: real server node-2 (${second}), by an operator's request: drained\n`,
  );

  // A socket that somebody removed is made again, and so is what was held.
  const holds = (await readdir(runtime)).filter(
    (name) => name.startsWith(`tcp-${web}`) && name.endsWith(".holds.json"),
  );
  expect(holds).toHaveLength(1);
  // The socket last: once that is gone, at any moment both are made again.
  for (const name of [...holds, basename(socket)]) await rm(join(runtime, name));
  await waitFor(
    () => weightsOf("api"),
    (now) => Bun.deepEquals(now, [ofApi]),
  );
  expect(await readdir(runtime)).toEqual(expect.arrayContaining([basename(socket), ...holds]));
  expect((await run("undrain", "node-2")).code).toBe(0);
  expect(await run("reload", "--config", configFile)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^unchanged since it was read \d+s ago\n$/),
  });
  // What happened to the process is told once, and of no virtual server.
  const told = (await run("events", "--vs", `web,${plain}`)).stdout.split("\n");
  expect(told.filter((text) => text.includes("nothing changed"))).toEqual([
    expect.stringContaining(`  all  INFO   read ${configFile} again: nothing changed`),
  ]);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  expect(await sockets()).toEqual([]);
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
