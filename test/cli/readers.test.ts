import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errnoOf } from "../../src/domain/errors.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { answering } from "../probe/http/support/raw-server.ts";
import { ALIVE, CareProgram } from "./care-program.ts";
import { OLD } from "./redirected.ts";
import { LVSCARE, runProgram } from "./run-program.ts";

setDefaultTimeout(120_000);

let folder: string;
let environment: Record<string, string>;
let server: ReturnType<typeof answering>;
/** After its first check nothing happens any more by itself. */
let care: CareProgram;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lvscare-readers-"));
  environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  server = answering(ALIVE);
  care = new CareProgram(server.endpoint, { environment });
  await care.firstVerdict();
  await care.status();
});

afterAll(async () => {
  await care[Symbol.asyncDispose]();
  server[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

describe.each(["status --watch", "status --watch -o json", "events --follow"])("%s", (line) => {
  const argv = (): string[] => [...LVSCARE, ...line.split(" "), "--vs", care.address];

  test("ends with 0 when its reader has gone, though nothing is news", async () => {
    await using child = bash('{ "$@"; echo "code $?" >&2; } | head -n 1', "bash", ...argv());
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect([stdout, stderr]).toEqual([expect.stringMatching(/^.+\n$/), "code 0\n"]);
  });

  test("appends what is news to a file, and leaves alone what is in it", async () => {
    const file = join(folder, `${crypto.randomUUID()}.log`);
    await Bun.write(file, OLD);
    await using child = bash('exec "$@" >>"$0"', file, ...argv());
    let text = OLD;
    for (const command of ["drain", "undrain", "drain", "undrain"]) {
      const { length } = text;
      text = await waitFor(
        () => Bun.file(file).text(),
        (now) => now.length !== length,
      );
      expect(text).toStartWith(OLD);
      const { port } = server.endpoint;
      // It is the only one: without it nobody is in service.
      expect(await runProgram([command, `127.0.0.1:${port}`, "--vs", care.address], environment)).toMatchObject({
        code: command === "drain" ? 1 : 0,
      });
    }
    child.kill("SIGINT");
    expect(await exitCode(child)).toBe(0);
  });

  test("ends with 1 on a disk that is full, and says so", async () => {
    await using child = bash('exec "$@" >/dev/full', "bash", ...argv());
    expect(await child.stderr.text()).toMatch(/^lvscare: write to stdout: ENOSPC: .*\n$/);
    expect(await exitCode(child)).toBe(1);
  });

  test("ends at a signal while its reader is stuck", async () => {
    using pipe = await stuckPipe();
    await using child = bash('exec "$@" >"$0"', pipe.path, ...argv());
    await listensToSignals(child.pid);
    child.kill("SIGTERM");
    expect(await exitCode(child)).toBe(0);
  });
});

describe("a daemon works on, and ends at a signal, with its log", () => {
  test("in a pipe whose reader is stuck, which gets what was logged when it reads again", async () => {
    using pipe = await stuckPipe();
    const [daemon, address] = startCare('exec "$@" 2>"$0"', pipe.path);
    await answers(address);
    let text = "";
    await waitFor(
      () => (text += pipe.read()),
      (now) => now.includes(" healthy: status 200\n"),
    );
    pipe.fill();
    daemon.kill("SIGTERM");
    expect(await exitCode(daemon)).toBe(0);
  });

  test.each([
    ["on a disk that is full", 'exec "$@" 2>/dev/full'],
    ["closed", 'exec "$@" 2>&-'],
    ["in a pipe whose reader has gone", 'exec "$@" 2> >(true)'],
  ])("%s", async (_, script) => {
    const [daemon, address] = startCare(script, "bash");
    await answers(address);
    daemon.kill("SIGTERM");
    expect(await exitCode(daemon)).toBe(0);
  });

  test("in a file that is written to already", async () => {
    const file = join(folder, "care.log");
    await Bun.write(file, OLD);
    const [daemon, address] = startCare('exec "$@" 2>>"$0"', file);
    await answers(address);
    daemon.kill("SIGTERM");
    expect(await exitCode(daemon)).toBe(0);
    const text = await Bun.file(file).text();
    expect(text).toStartWith(`${OLD}2`);
    expect(text).not.toContain("\0");
  });
});

test("all of a long text gets through a pipe that was made non-blocking and is read slowly", async () => {
  using pipe = await stuckPipe();
  // The descriptor is the one that this test made non-blocking, and shares with the program.
  await using child = Bun.spawn([...LVSCARE, "man"], { env: environment, stdout: pipe.fd, stderr: "pipe" });
  let text = "";
  await waitFor(
    () => (text += pipe.read(1000)),
    () => child.exitCode !== null,
    { everyMs: 1 },
  );
  text += pipe.read();
  expect(await child.stderr.text()).toBe("");
  expect(text.replace(/^x*/, "")).toBe((await runProgram(["man"])).stdout);
});

test("a pipe that blocks goes on to do so for those that write to it afterwards", async () => {
  const script = '{ "$@"; cat /proc/self/fdinfo/1 >&2; } | cat';
  await using child = bash(script, "bash", ...LVSCARE, "events", "--vs", care.address);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(stdout).toContain("recovering → healthy");
  const flags = Number.parseInt(/^flags:\s+(\d+)$/m.exec(stderr)?.[1] ?? "", 8);
  expect(flags & constants.O_NONBLOCK).toBe(0);
});

// --- internal ---

function bash(script: string, zero: string, ...argv: readonly string[]): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  return Bun.spawn(["bash", "-c", script, zero, ...argv], {
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

let daemons = 0;

/** A daemon with a virtual server of its own, and that one's address. */
function startCare(script: string, zero: string): [Bun.Subprocess, string] {
  const address = `127.77.0.${20 + daemons++}:${server.endpoint.port}`;
  const servers = ["--vs", address, "--rs", `127.0.0.1:${server.endpoint.port}`];
  const flags = ["--data-plane=userspace", "--mode=", "--health-schem=http", "--interval=1h"];
  return [bash(script, zero, ...LVSCARE, "care", ...servers, ...flags), address];
}

/** Waits until a daemon serves, by what it tells of itself. */
async function answers(address: string): Promise<void> {
  await waitFor(
    () => runProgram(["status", "--vs", address, "--exit-code"], environment),
    ({ code }) => code === 0,
  );
}

/**
 * Waits for its end, and fails with what it is at when that does not come. A test that ran out of time would not tell, and the runner ends every
 * program then, also those that other tests of this file go on with.
 */
async function exitCode(child: Bun.Subprocess): Promise<number | null> {
  const read = async (): Promise<{ code: number | null; process: string }> => ({
    code: child.exitCode,
    process: await Bun.file(`/proc/${child.pid}/status`)
      .text()
      .catch(() => "gone"),
  });
  return (await waitFor(read, ({ code }) => code !== null)).code;
}

async function listensToSignals(pid: number): Promise<void> {
  const SIGTERM_BIT = 1n << 14n;
  await waitFor(
    () => Bun.file(`/proc/${pid}/status`).text(),
    (status) => (BigInt(`0x${/^SigCgt:\t(\S+)$/m.exec(status)?.[1] ?? "0"}`) & SIGTERM_BIT) !== 0n,
  );
}

interface StuckPipe extends Disposable {
  readonly path: string;
  readonly fd: number;
  /** Until nothing more goes in. */
  fill(): void;
  /** What is in it, or at most so many bytes of that. */
  read(most?: number): string;
}

/** A pipe that has a reader and is full. */
async function stuckPipe(): Promise<StuckPipe> {
  const path = join(folder, `${crypto.randomUUID()}.fifo`);
  Bun.spawnSync(["mkfifo", path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const fill = (): void => {
    while (unlessBlocked(() => writeSync(fd, "x".repeat(4096))) !== undefined);
  };
  fill();
  return {
    path,
    fd,
    fill,
    read(most = 1 << 20) {
      const bytes = Buffer.alloc(most);
      return bytes.toString("utf8", 0, unlessBlocked(() => readSync(fd, bytes)) ?? 0);
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

function unlessBlocked(call: () => number): number | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) !== "EAGAIN") throw error;
    return undefined;
  }
}
