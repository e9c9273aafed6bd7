import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventMemory, type EventRing } from "../../src/events/event-ring.ts";
import { makeRuntimeDirectory, runtimeDirectory } from "../../src/control/runtime-directory.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { Operation } from "../../src/domain/plan.ts";
import { realServer } from "../../src/domain/virtual-server.ts";
import { createEventLog } from "../../src/events/event-log.ts";
import type { EventRecord } from "../../src/domain/event-record.ts";
import { LVSCARE, runProgram } from "../cli/run-program.ts";
import { waitFor } from "../kernel/support/wait-for.ts";

test("remembers a thousand events and no good checks", () => {
  const ring = ringOf();
  for (let count = 0; count < 3000; count++) {
    ring.note({ type: "process.stalled", forMs: 1000 + count }, 0);
    ring.note(
      {
        type: "realServer.probed",
        server: "a",
        verdict: { passed: true, reason: "status 200", latencyMs: 1 },
      },
      0,
    );
  }
  expect(ring.after(0).length).toBeWithin(1000, 1101);
  expect(ring.after(2998).map(({ id, type }) => [id, type])).toEqual([
    [2999, "process.stalled"],
    [3000, "process.stalled"],
  ]);
  expect(ring.after(3000)).toEqual([]);
});

test("of many virtual servers it remembers ten thousand events, and the noisy ones forget first", () => {
  const memory = new EventMemory((ms) => new Date(ms));
  const open = (): EventRing => memory.open((logger) => createEventLog(logger, () => ""));
  const [quiet, passing] = [open(), open()];
  const noisy = Array.from({ length: 100 }, open);
  const note = (ring: EventRing, count: number): void => {
    for (let at = 0; at < count; at++) ring.note({ type: "process.stalled", forMs: 1000 }, 0);
  };
  note(quiet, 50);
  note(passing, 1000);
  for (let time = 0; time < 10; time++) for (const ring of noisy) note(ring, 100);
  const sizes = noisy.map((ring) => ring.after(0).length);
  const all = sizes.reduce((sum, size) => sum + size, quiet.after(0).length + passing.after(0).length);
  expect(all).toBeWithin(9000, 10_101);
  expect(quiet.after(0)).toHaveLength(50);
  expect(Math.min(...sizes)).toBeGreaterThan(50);
  // The newest ones stay, and those of all rings have ids of their own.
  const ids = [quiet, passing, ...noisy].flatMap((ring) => ring.after(0).map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
  expect(noisy.at(-1)?.after(0).at(-1)?.id).toBe(50 + 1000 + 100_000);
  // What goes makes room.
  for (const ring of noisy) ring.close();
  note(quiet, 900);
  expect(quiet.after(0)).toHaveLength(950);
});

test("tells what was found and what was to be done as data, and a thousand writes in one line", () => {
  const ring = ringOf();
  const verdict = { passed: false, reason: "connect refused", latencyMs: 0.3 } as const;
  const operations = Array.from({ length: 1000 }, (_, at): Operation => {
    const server = realServer(parseEndpoint(`10.0.${at >> 8}.${at & 255}:80`));
    return { kind: "server.update", server: { ...server, weight: 0 }, from: server };
  });
  ring.note(
    {
      type: "realServer.healthChanged",
      server: "10.0.0.1:80",
      from: "healthy",
      to: "draining",
      reason: "x",
      verdict,
    },
    0,
  );
  ring.note({ type: "plan.applied", operations, repairs: [], complete: true }, 0);
  ring.note(
    {
      type: "plan.applied",
      operations: operations.slice(0, 2),
      repairs: operations.slice(1, 2),
      complete: false,
    },
    0,
  );
  ring.note({ type: "plan.failed", error: new Error("no"), attempt: 1, retryInMs: 100 }, 0);
  const [changed, written, partly, repaired, failed] = ring.after(0);
  expect(changed).toMatchObject({ server: "10.0.0.1:80", from: "healthy", to: "draining", verdict });
  expect(written).toMatchObject({ level: "debug", outcome: "done" });
  expect(written?.plan).toHaveLength(21);
  expect(written?.message).toEndWith("; and 980 more");
  expect([partly, repaired]).toMatchObject([
    { level: "debug", outcome: "partly done", plan: expect.any(Array) },
    { level: "warn", outcome: "partly done", message: expect.stringContaining("repaired what someone else changed: ") },
  ]);
  expect(failed).toMatchObject({ level: "warn", outcome: "failed", message: "no; trying again in 100ms" });
});

test("lvscare events tells a server's death and return, then and as it happens", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-events-"));
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  let status = 200;
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("", { status }) });
  const flags = `--vs 127.77.0.9:18080 --rs 127.0.0.1:${server.port} --data-plane userspace --health-schem http --interval 50ms`;
  const run = (...argv: readonly string[]) =>
    Bun.spawn([...LVSCARE, ...argv], { env: environment, stdout: "pipe", stderr: "ignore" });
  const care = run("care", ...flags.split(" "));
  const list = async (...more: readonly string[]): Promise<string> =>
    (await runProgram(["events", "--vs", "127.77.0.9:18080", ...more], environment)).stdout;
  try {
    await waitFor(
      () => list(),
      (text) => text.includes("recovering → healthy"),
    );
    const following = run("events", "--vs", "127.77.0.9:18080", "--follow", "-o", "json");
    let followed = "";
    const reading = (async () => {
      for await (const chunk of following.stdout) followed += new TextDecoder().decode(chunk);
    })();
    status = 503;
    await waitFor(
      () => list(),
      (text) => /draining → removed: status 503/.test(text),
    );
    status = 200;
    await waitFor(
      () => list(),
      (text) => /removed → healthy: status 200/.test(text),
    );
    const lines = (await list()).trimEnd().split("\n");
    expect(lines[0]).toMatch(/^\d{4}-\S+[+-]\d\d:\d\d {2}127\.77\.0\.9:18080 {2}INFO {3}new virtual server/);
    expect(lines.filter((line) => line.includes("probe") && line.includes("passed"))).toEqual([]);
    await waitFor(
      () => followed,
      (text) => text.includes("removed → healthy"),
    );
    following.kill("SIGINT");
    await reading;
    expect(await following.exited).toBe(0);
    const messages = followed
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as EventRecord);
    expect(messages).toContainEqual(
      expect.objectContaining({
        message: expect.stringMatching(/healthy → draining: status 503$/),
        verdict: expect.objectContaining({ passed: false, reason: "status 503", latencyMs: expect.any(Number) }),
      }),
    );
    expect(lines).toContainEqual(expect.stringMatching(/healthy → draining: status 503 \(found in \S+\)$/));
  } finally {
    care.kill();
    await care.exited;
    await server.stop(true);
    await rm(folder, { recursive: true });
  }
});

test("follows a daemon that is started anew, and ends when its reader has gone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-events-"));
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  const flags = `--vs 127.77.0.9:18081 --rs 127.0.0.1:${server.port} --data-plane userspace --health-schem http --interval 50ms`;
  const care = () => Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], { env: environment, stderr: "ignore" });
  let daemon = care();
  await waitFor(
    () => runProgram(["events", "--vs", "127.77.0.9:18081"], environment),
    ({ stdout }) => stdout.includes("recovering → healthy"),
  );
  const following = Bun.spawn([...LVSCARE, "events", "--vs", "127.77.0.9:18081", "--follow"], {
    env: environment,
    stdout: "pipe",
    stderr: "pipe",
  });
  try {
    const reader = following.stdout.getReader();
    const until = async (condition: (text: string) => boolean): Promise<void> => {
      for (let text = ""; !condition(text);) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`it ended after ${JSON.stringify(text)}`);
        text += new TextDecoder().decode(value);
      }
    };
    await until((text) => text.includes("recovering → healthy"));
    daemon.kill("SIGKILL");
    await daemon.exited;
    // Daemons of others may answer all the same.
    const { value } = await following.stderr.getReader().read();
    expect(new TextDecoder().decode(value)).toMatch(/^lvscare: no (lvscare daemon answers|daemon cares for)/);
    daemon = care();
    await until((text) => text.includes("recovering → healthy"));
    await reader.cancel();
    // The next event finds nobody who reads it.
    await server.stop(true);
    expect(await following.exited).toBe(0);
  } finally {
    following.kill();
    daemon.kill();
    await daemon.exited;
    await server.stop(true);
    await rm(folder, { recursive: true });
  }
});

test("tells what happened in its order, and since when, though the clock was set back meanwhile, in the local time of the log", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-events-"));
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "", TZ: "Asia/Kathmandu" };
  const directory = runtimeDirectory(environment, process.getuid?.() ?? 0);
  makeRuntimeDirectory(directory, process.getuid?.() ?? 0);
  const minute = 60_000;
  const told = (id: number, at: string, minutesAgo: number) => ({
    id,
    at: `2026-11-24T${at}.000Z`,
    sinceBootMs: (100 - minutesAgo) * minute,
    level: "info",
    message: `${minutesAgo} minutes ago`,
    type: "plan.applied",
  });
  const daemons = [
    { port: 18_083, events: [told(1, "10:00:00", 30), told(2, "09:25:00", 5)] },
    { port: 18_084, events: [told(1, "10:10:00", 20), told(2, "09:20:00", 10)] },
  ].map(({ port, events }) => {
    const unix = join(directory, `tcp-127.77.0.9:${port}.sock`);
    const report = {
      protocol: "tcp",
      address: `127.77.0.9:${port}`,
      startedAt: "x",
      sinceBootMs: 100 * minute,
      events,
    };
    return { unix, server: Bun.serve({ unix, fetch: () => Response.json({ reports: [report] }) }) };
  });
  const lines = async (...more: readonly string[]): Promise<string[]> => {
    const only = ["--vs", "127.77.0.9:18083,127.77.0.9:18084"];
    return (await runProgram(["events", ...only, ...more], environment)).stdout.trimEnd().split("\n");
  };
  try {
    expect(await lines()).toEqual([
      "2026-11-24T15:45:00.000+05:45  127.77.0.9:18083  INFO   30 minutes ago",
      "2026-11-24T15:55:00.000+05:45  127.77.0.9:18084  INFO   20 minutes ago",
      "2026-11-24T15:05:00.000+05:45  127.77.0.9:18084  INFO   10 minutes ago",
      "2026-11-24T15:10:00.000+05:45  127.77.0.9:18083  INFO   5 minutes ago",
    ]);
    expect((await lines("--since", "15m")).map((line) => line.split("INFO   ")[1])).toEqual([
      "10 minutes ago",
      "5 minutes ago",
    ]);
    expect((await lines("-n", "1")).map((line) => line.split("INFO   ")[1])).toEqual(["5 minutes ago"]);
    expect((await lines("-o", "json")).map((line) => (JSON.parse(line) as EventRecord).at.slice(11, 20))).toEqual([
      "10:00:00.",
      "10:10:00.",
      "09:20:00.",
      "09:25:00.",
    ]);
  } finally {
    for (const { unix, server } of daemons) {
      await server.stop(true);
      await rm(unix, { force: true });
    }
    await rm(folder, { recursive: true });
  }
});

test("tells of a level or graver, and of one real server, and takes those that are alike together", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-events-"));
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "", TZ: "UTC" };
  const directory = runtimeDirectory(environment, process.getuid?.() ?? 0);
  makeRuntimeDirectory(directory, process.getuid?.() ?? 0);
  const told = (event: Partial<EventRecord>, at: number) => ({
    id: at + 1,
    at: "2026-11-24T10:00:00.000Z",
    sinceBootMs: at,
    level: "info",
    type: "x",
    message: "",
    ...event,
  });
  const out = ["10.0.0.1:80", "10.0.0.11:80", "10.0.0.2:80"].map((server) => {
    const verdict = { passed: false, reason: "status 503", latencyMs: 1 } as const;
    const message = `real server ${server} healthy → draining: status 503`;
    return { server, from: "healthy", to: "draining", verdict, message } as const;
  });
  const events = [
    ...out,
    { level: "debug", message: "set real server 10.0.0.1:80 weight 0" } as const,
    { level: "warn", message: "put right the weight of 10.0.0.11:80" } as const,
  ].map(told);
  const [address, unix] = ["127.77.0.9:18085", join(directory, "tcp-127.77.0.9:18085.sock")];
  const report = { protocol: "tcp", address, startedAt: "x", sinceBootMs: 1000, events };
  await using _ = Bun.serve({ unix, fetch: () => Response.json({ reports: [report] }) });
  const texts = async (...more: readonly string[]): Promise<string[]> => {
    const { stdout } = await runProgram(["events", "--vs", address, ...more], environment);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^.*(?:DEBUG|INFO|WARN) +/, ""));
  };
  try {
    expect(await texts("--level", "info")).toHaveLength(2);
    expect((await texts())[0]).toBe("3 real servers → draining: status 503 (10.0.0.1:80, 10.0.0.11:80, 10.0.0.2:80)");
    expect(await texts("--rs", "10.0.0.1:80")).toEqual([
      "real server 10.0.0.1:80 healthy → draining: status 503 (found in 1ms)",
      "set real server 10.0.0.1:80 weight 0",
    ]);
    expect(await texts("--level", "error")).toEqual([""]);
    expect(await texts("--rs", "10.0.0.11:80", "-n", "1")).toEqual(["put right the weight of 10.0.0.11:80"]);
    const mistyped = await runProgram(["events", "--vs", address, "--rs", "10.0.0.111:80"], environment);
    expect([mistyped.code, mistyped.stdout, mistyped.stderr]).toEqual([
      1,
      "",
      "lvscare: 10.0.0.111:80: not cared for, and no event tells of it\n",
    ]);
  } finally {
    await rm(folder, { recursive: true });
    await rm(unix, { force: true });
  }
});

test("tells of a daemon that is too old to tell, instead of none", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-events-"));
  const environment = { XDG_RUNTIME_DIR: folder };
  const directory = runtimeDirectory(environment, process.getuid?.() ?? 0);
  makeRuntimeDirectory(directory, process.getuid?.() ?? 0);
  const old = Bun.serve({
    unix: join(directory, "tcp-127.77.0.9:18082.sock"),
    fetch: () => Response.json({ error: "no such path" }, { status: 404 }),
  });
  try {
    const { stderr } = await runProgram(["events"], environment);
    expect(stderr).toContain("tcp-127.77.0.9:18082.sock is of an older version, which does not know this request");
    const drained = await runProgram(["drain", "127.0.0.1:1", "--vs", "127.77.0.9:18082"], environment);
    expect(drained.code).toBe(1);
    expect(drained.stderr).toContain("older version");
  } finally {
    await old.stop(true);
    await rm(join(directory, "tcp-127.77.0.9:18082.sock"), { force: true });
    await rm(folder, { recursive: true });
  }
});

test("with no daemon it says so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-events-"));
  const { code, stderr } = await runProgram(["events", "--vs", "127.77.0.10:1"], { XDG_RUNTIME_DIR: folder });
  await rm(folder, { recursive: true });
  if (code === 0) return;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/no (lvscare daemon answers|daemon cares for)/)]);
});

function ringOf(): EventRing {
  return new EventMemory((ms) => new Date(ms)).open((logger) => createEventLog(logger, () => ""));
}
