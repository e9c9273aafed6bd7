import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { createActor, fromCallback, fromPromise } from "xstate";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createVirtualServerMachine } from "../../src/actors/virtual-server-machine.ts";
import { Operator } from "../../src/app/operator.ts";
import { requestCheck, requestHold } from "../../src/control/client.ts";
import { runtimeDirectory } from "../../src/control/runtime-directory.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { PLAIN_HEALTH_POLICY } from "../../src/domain/health-policy.ts";
import type { CheckReport, HoldReport } from "../../src/domain/operator.ts";
import type { RealServerStatus, StatusReport } from "../../src/domain/status.ts";
import { realServer, virtualServer } from "../../src/domain/virtual-server.ts";
import { LVSCARE, runProgram, type ProgramResult } from "../cli/run-program.ts";
import { waitFor } from "../kernel/support/wait-for.ts";

// Each step is a process of its own.
setDefaultTimeout(120_000);

const stack: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of stack.splice(0).toReversed()) await undo();
});

test("an operator's drain and weight stand at once, outlive the daemon, and end when told to", async () => {
  const host = await user();
  const [a, b] = [serve("a"), serve("b")];
  let daemon = host.care(VS, [a, b], "--scheduler", "wrr", "--weight", "10");
  await host.until(VS, (servers) => servers.every(({ weight }) => weight === 10));

  const drained = await host.lvscare("drain", a.name);
  expect(drained).toEqual({
    code: 0,
    stdout: `${a.name} of ${VS}: drained; healthy, weight 0, 0 open connections\n`,
    stderr: "",
  });
  expect(await answers(VS, 4)).toEqual(["b", "b", "b", "b"]);
  const weighted = await host.lvscare("weight", b.name, "25", "-o", "json");
  expect(JSON.parse(weighted.stdout) as HoldReport).toMatchObject({
    virtualServer: VS,
    realServer: { address: b.name, weight: 25, hold: { drained: false, weight: 25 } },
  });

  await daemon.end("SIGKILL");
  daemon = host.care(VS, [a, b], "--scheduler", "wrr", "--weight", "10");
  // Its check may pass some time before it is written that it is in the table again.
  const servers = await host.until(
    VS,
    ([one, other]) => other?.weight === 25 && one?.weight === 0 && one.lastVerdict?.passed === true,
  );
  expect(servers[0]).toMatchObject({ state: "drained", health: "healthy", weight: 0, hold: { drained: true } });
  // It was drained before this daemon found it healthy.
  expect([servers[0]?.stateSince, Date.parse(servers[0]?.healthSince ?? "")]).toEqual([
    servers[0]?.hold?.since,
    expect.any(Number),
  ]);
  expect(Date.parse(servers[0]?.healthSince ?? "")).toBeGreaterThan(Date.parse(servers[0]?.stateSince ?? ""));
  expect(await answers(VS, 2)).toEqual(["b", "b"]);

  expect((await host.lvscare("undrain", a.name)).stdout).toStartWith(
    `${a.name} of ${VS}: nothing held; healthy, weight 10`,
  );
  expect((await host.lvscare("weight", b.name, "configured")).stdout).toContain("nothing held; healthy, weight 10");
  expect(await host.files()).toEqual([]);
  const { code, log } = await daemon.end("SIGTERM");
  expect(code).toBe(0);
  expect(log).toContain(`INFO real server ${a.name}, by an operator's request: nothing held`);
});

test("a drain waits for open connections, and says when they stay", async () => {
  const host = await user();
  const held = Promise.withResolvers<void>();
  const a = serve("a", () => held.promise);
  host.care(VS, [a]);
  await host.until(VS, ([server]) => server?.weight === 1);
  const request = fetch(`http://${VS}/slow`, { keepalive: false });
  await host.until(VS, ([server]) => server?.activeConnections === 1);
  expect(await host.lvscare("drain", a.name, "--wait", "100ms")).toMatchObject({
    code: 1,
    stderr: `${lastOf(a)}lvscare: ${a.name} stays drained, and has 1 open connection after 100ms\n`,
  });
  const waiting = host.lvscare("drain", a.name, "--wait", "1m");
  held.resolve();
  await (await request).text();
  // It is the only one.
  expect(await waiting).toMatchObject({ code: 1, stderr: lastOf(a) });
});

test("a drain that is waited for tells how long it was, and is not over because somebody ended it", async () => {
  const host = await user();
  const held = Promise.withResolvers<void>();
  const a = serve("a", () => held.promise);
  host.care(VS, [a]);
  await host.until(VS, ([server]) => server?.weight === 1);
  const request = fetch(`http://${VS}/slow`, { keepalive: false }).catch(() => undefined);
  await host.until(VS, ([server]) => server?.activeConnections === 1);
  const wait = async (then: (waiting: Bun.Subprocess<"ignore", "pipe", "pipe">) => Promise<unknown>) => {
    const waiting = host.start("drain", a.name, "--wait", "5m");
    await waiting.stdout.getReader().read();
    await then(waiting);
    return { code: await waiting.exited, told: await waiting.stderr.text() };
  };
  const left = await wait(async (waiting) => waiting.kill("SIGINT"));
  expect(left.code).toBe(1);
  expect(left.told).toMatch(/stays drained, and has 1 open connection after (?!5m\n)\S+\n$/);
  expect(await wait(() => host.lvscare("undrain", a.name))).toEqual({
    code: 1,
    told: `${lastOf(a)}lvscare: ${a.name} is no longer drained: somebody let it go meanwhile\n`,
  });
  held.resolve();
  await request;
});

test("a drain is waited for while the daemon is started anew", async () => {
  const host = await user();
  const held = Promise.withResolvers<void>();
  const a = serve("a", () => held.promise);
  const first = host.care(VS, [a]);
  await host.until(VS, ([server]) => server?.weight === 1);
  const request = fetch(`http://${VS}/slow`, { keepalive: false }).catch(() => undefined);
  await host.until(VS, ([server]) => server?.activeConnections === 1);
  const waiting = host.start("drain", a.name, "--wait", "5m");
  await waiting.stdout.getReader().read();
  await first.end("SIGKILL");
  const told = waiting.stderr.getReader();
  let text = "";
  while (!text.includes("waiting")) {
    const { value, done } = await told.read();
    if (done) throw new Error(`it ended, and had said: ${text}`);
    text += new TextDecoder().decode(value);
  }
  expect(text.replace(lastOf(a), "")).toMatch(/^lvscare: .*; waiting for it\n$/);
  host.care(VS, [a]);
  // It is the only one; else there is nothing to say.
  expect(await waiting.exited).toBe(1);
  expect((await told.read()).done).toBe(true);
  await request;
});

test("a check tells what is found now, with its steps, and the daemon acts on it at once", async () => {
  const host = await user();
  const a = serve("a");
  host.care(VS, [a], "--interval", "1h");
  await host.until(VS, ([server]) => server?.weight === 1);
  a.status = 503;
  const failed = await host.lvscare("check", a.name, "-o", "json");
  expect(failed.code).toBe(1);
  expect((JSON.parse(failed.stdout) as CheckReport).verdict).toMatchObject({
    passed: false,
    reason: "status 503",
    timings: { connectMs: expect.any(Number), firstByteMs: expect.any(Number) },
  });
  // With an interval of an hour, nobody else asked. As a last resort it keeps its weight.
  await host.until(VS, ([server]) => server?.state === "draining");
  a.status = 200;
  const passed = await host.lvscare("check", a.name);
  expect(passed.code).toBe(0);
  expect(passed.stdout).toMatch(
    new RegExp(`^${a.name} of ${VS}: passed: status 200\n {2}connect +\\S+\n {2}first byte +\\S+\n {2}total +\\S+\n$`),
  );
  await host.until(VS, ([server]) => server?.state === "healthy");
});

test("what is not meant clearly changes nothing", async () => {
  const host = await user();
  const a = serve("a");
  const refused = async (...argv: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await host.lvscare(...argv);
    expect([code, stdout]).toEqual([1, ""]);
    return stderr.trimEnd().replace("lvscare: ", "");
  };
  host.care(VS, [a]);
  host.care(OTHER, [a]);
  await host.until(VS, ([server]) => server?.weight === 1);
  await host.until(OTHER, ([server]) => server?.weight === 1);
  expect(await refused("drain")).toBe("name a real server: <IP:port> or its name");
  expect(await refused("drain", "web1:80")).toContain('"web1:80"');
  expect(await refused("drain", "127.0.0.1:1")).toStartWith("no real server 127.0.0.1:1 is cared for (there are ");
  expect(await refused("drain", a.name)).toBe(
    `${a.name} stands behind ${VS} and ${OTHER} (name those that are meant: --vs ${VS},${OTHER})`,
  );
  for (const argv of [
    ["drain", VS],
    ["undrain", VS],
    ["check", VS],
    ["weight", VS, "5"],
    ["drain", VS, "--vs", VS],
  ])
    expect(await refused(...argv)).toBe(
      `${VS} is a virtual server (name its real servers, with --vs ${VS}: there are ${a.name})`,
    );
  expect(await refused("drain", a.name, "--vs", "127.77.0.99:1")).toStartWith("no daemon cares for 127.77.0.99:1");
  expect(await refused("weight", a.name)).toBe("name a weight: a whole number from 1 to 65535, or configured");
  expect(await refused("weight", a.name, "0")).toBe('weight "0" is a drain: write lvscare drain <IP:port>');
  expect(await refused("weight", a.name, "70000")).toContain('weight "70000" is not a whole number');
  expect(await refused("check", a.name, "--wait", "5s")).toContain("unknown flag --wait");
  expect(await host.files()).toEqual([]);
  const both = await host.lvscare("drain", a.name, "--vs", `${VS},${OTHER}`);
  expect(both.stdout.split("\n").map((line) => line.split(":")[0])).toHaveLength(3);
  for (const address of [VS, OTHER]) await host.until(address, ([server]) => server?.weight === 0);
});

test("what is proposed to end a drain ends it, also where the real server stands behind several virtual servers", async () => {
  const host = await user();
  const a = serve("a");
  host.care(VS, [a]);
  host.care(OTHER, [a]);
  await host.until(VS, ([server]) => server?.weight === 1);
  await host.until(OTHER, ([server]) => server?.weight === 1);
  const drain = async (): Promise<string> => (await host.lvscare("drain", a.name, "--vs", OTHER)).stderr;
  const follow = async (said: RegExpExecArray | null): Promise<void> => {
    const proposed = said?.[1]?.split(" ") ?? [];
    expect(await host.lvscare(...proposed)).toMatchObject({ code: 0, stderr: "" });
    await host.until(OTHER, ([server]) => server?.weight === 1);
  };
  await follow(/, until lvscare (undrain .+)\n$/.exec(await drain()));
  await drain();
  const { stdout } = await host.lvscare("doctor", "--vs", OTHER);
  await follow(/`lvscare (undrain [^`]+)` ends that/.exec(stdout.replaceAll(/\s+/g, " ")));
});

test("several real servers are drained and let go at once, or none of them where one is not there", async () => {
  const host = await user();
  const [a, b, c] = [serve("a"), serve("b"), serve("c")];
  host.care(VS, [a, b]);
  host.care(OTHER, [c]);
  await host.until(VS, (servers) => servers.every(({ weight }) => weight === 1));
  await host.until(OTHER, ([server]) => server?.weight === 1);
  const wrong = await host.lvscare("drain", a.name, "127.0.0.1:1");
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("no real server 127.0.0.1:1 is cared for")]);
  expect(await host.files()).toEqual([]);

  expect(await host.lvscare("drain", a.name, b.name, c.name, a.name, "--wait", "1m")).toEqual({
    code: 1,
    stdout: [
      `${a.name} of ${VS}: drained; healthy, weight 0, 0 open connections\n`,
      `${b.name} of ${VS}: drained; healthy, weight 0, 0 open connections\n`,
      `${c.name} of ${OTHER}: drained; healthy, weight 0, 0 open connections\n`,
    ].join(""),
    stderr: [
      `lvscare: nobody is in service behind ${VS} any more: clients are not served, until lvscare undrain ${a.name} ${b.name}\n`,
      `lvscare: nobody is in service behind ${OTHER} any more: clients are not served, until lvscare undrain ${c.name}\n`,
    ].join(""),
  });
  expect((await host.lvscare("undrain", c.name, b.name)).stdout.split("\n")).toHaveLength(3);
  await host.until(OTHER, ([server]) => server?.weight === 1);
  await host.until(VS, (servers) => servers[0]?.weight === 0 && servers[1]?.weight === 1);
});

test("no name that every object has is a real server's", async () => {
  const host = await user();
  const a = serve("a");
  host.care(VS, [a]);
  await host.until(VS, ([server]) => server?.weight === 1);
  const [socket = ""] = await host.sockets();
  for (const name of Object.getOwnPropertyNames(Object.prototype)) {
    const refusal = `answered 404: ${name} is no real server of ${VS}; they are ${a.name}`;
    await expect(requestHold(socket, { server: name }, { kind: "drain" })).rejects.toThrow(refusal);
    await expect(requestCheck(socket, { server: name })).rejects.toThrow(refusal);
  }
  expect(await host.files()).toEqual([]);
});

test("a file that says nothing holds nothing, and a server that is not listed is held once it is again", async () => {
  const host = await user();
  const [a, b] = [serve("a"), serve("b")];
  const first = host.care(VS, [a, b]);
  await host.until(VS, (servers) => servers.every(({ weight }) => weight === 1));
  await host.lvscare("drain", b.name);
  const [file = ""] = await host.files();
  await first.end("SIGTERM");
  const second = host.care(VS, [a]);
  await host.until(VS, ([server]) => server?.weight === 1);
  expect((await second.end("SIGTERM")).log).toContain(
    `INFO not listed, and held when they are again: ${b.name}: drained,`,
  );
  const third = host.care(VS, [a, b]);
  await host.until(VS, (servers) => servers[0]?.weight === 1 && servers[1]?.state === "drained");
  expect((await third.end("SIGTERM")).log).toContain(`INFO held by operators: ${b.name}: drained,`);
  for (const text of [
    "{",
    "[]",
    `{"${a.name}":{"drained":true}}`,
    `{"${a.name}":{"since":"2026-11-25","drained":false,"weight":0}}`,
  ]) {
    await writeFile(file, text);
    const daemon = host.care(VS, [a]);
    await host.until(VS, ([server]) => server?.weight === 1);
    expect((await daemon.end("SIGTERM")).log).toContain("WARN nothing is held: ");
  }
});

test("nothing is asked of a daemon that has not taken over its table yet", async () => {
  const server = realServer(parseEndpoint("10.0.0.1:80"));
  const supervisor = createActor(
    createVirtualServerMachine({
      readTable: fromPromise(() => Promise.reject(new Error("the kernel says nothing"))),
      openRounds: () => ({ apply: () => Promise.reject(new Error("not asked")), close: () => undefined }),
      checks: fromCallback(() => undefined),
    }),
    {
      input: {
        service: virtualServer({ protocol: "tcp", endpoint: parseEndpoint(VS) }, "rr"),
        realServers: [server],
        policy: PLAIN_HEALTH_POLICY,
        initState: "down",
        drained: new Set<string>(),
        holds: new Map(),
        unlisted: "remove",
        cleanupOnExit: false,
        now: () => 0,
      },
    },
  ).start();
  stack.push(async () => supervisor.stop());
  const kept: unknown[] = [];
  const operator = new Operator({
    supervisor: () => supervisor,
    virtualServer: () => ({ protocol: "tcp", address: VS }),
    nameOf: () => undefined,
    status: () => Promise.reject(new Error("not asked")),
    keep: (holds) => kept.push(holds),
    probe: () => Promise.reject(new Error("not asked")),
    onTrialFor: () => [],
    timeOfDay: () => new Date(0),
  });
  const early = `the daemon of ${VS} has not taken over the table yet`;
  await expect(operator.hold("10.0.0.1:80", { kind: "drain" })).rejects.toThrow(early);
  await expect(operator.check("10.0.0.1:80", new AbortController().signal)).rejects.toThrow(early);
  expect(kept).toEqual([]);
});

// --- internal ---

/** What a drain says when nobody else is left. */
function lastOf({ name }: { readonly name: string }): string {
  return `lvscare: nobody is in service behind ${VS} any more: clients are not served, until lvscare undrain ${name}\n`;
}

const VS = "127.77.0.21:18080";
const OTHER = "127.77.0.21:18081";

interface EchoServer {
  readonly name: string;
  status: number;
}

function serve(text: string, slow: () => Promise<void> = () => Promise.resolve()): EchoServer {
  const echo = { name: "", status: 200 };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    // After ten seconds the runtime would end a request that is held, and a kept connection, which is a reason to check.
    idleTimeout: 0,
    fetch: async (request) => {
      if (new URL(request.url).pathname === "/slow") await slow();
      return new Response(text, { status: echo.status });
    },
  });
  stack.push(() => server.stop(true));
  echo.name = `127.0.0.1:${server.port}`;
  return echo;
}

async function answers(address: string, times: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < times) texts.push(await (await fetch(`http://${address}/`, { keepalive: false })).text());
  return texts;
}

/** Somebody who runs daemons and asks them. */
async function user() {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-operator-"));
  const env = { PATH: process.env["PATH"] ?? "", XDG_RUNTIME_DIR: folder };
  const runtime = runtimeDirectory(env, process.getuid?.() ?? 0);
  const lvscare = (...argv: readonly string[]): Promise<ProgramResult> => runProgram(argv, env);
  stack.push(async () => {
    for (const file of await files()) await rm(file);
    await rm(folder, { recursive: true });
  });

  const start = (...argv: readonly string[]): Bun.Subprocess<"ignore", "pipe", "pipe"> => {
    const child = Bun.spawn([...LVSCARE, ...argv], {
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    stack.push(async () => child.kill());
    return child;
  };

  /** Of the virtual servers of this test. */
  const filesNamed = async (suffix: string): Promise<string[]> =>
    (await readdir(runtime))
      .filter((name) => name.includes("127.77.0.21:") && name.endsWith(suffix))
      .map((name) => join(runtime, name));
  const files = (): Promise<string[]> => filesNamed(".holds.json");
  const sockets = (): Promise<string[]> => filesNamed(".sock");

  const until = async (
    address: string,
    condition: (servers: readonly RealServerStatus[]) => boolean,
  ): Promise<readonly RealServerStatus[]> => {
    const read = async (): Promise<readonly RealServerStatus[]> => {
      const { code, stdout } = await lvscare("status", "--vs", address, "-o", "json");
      return code === 0 ? ((JSON.parse(stdout) as StatusReport).virtualServers[0]?.realServers ?? []) : [];
    };
    return waitFor(read, (servers) => servers.length > 0 && condition(servers));
  };

  const care = (address: string, servers: readonly EchoServer[], ...flags: readonly string[]) => {
    const rs = servers.flatMap(({ name }) => ["--rs", name]);
    // Connections are counted here, and whether the way is good is found out by one.
    const setting = "--data-plane=userspace --mode= --health-schem=http --interval=100ms --check-way=false".split(" ");
    const child = Bun.spawn([...LVSCARE, "care", "--vs", address, ...rs, ...setting, ...flags], {
      env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const text = child.stderr.text();
    const end = async (signal: NodeJS.Signals): Promise<{ code: number; log: string }> => {
      child.kill(signal);
      return { code: await child.exited, log: await text };
    };
    stack.push(() => end("SIGTERM"));
    return { end };
  };

  return { lvscare, start, files, sockets, until, care };
}
