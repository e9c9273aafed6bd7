import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { StatusReport } from "../../src/domain/status.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { lvscareBinary, runLvscare, startCare, type CareProcess } from "./support/lvscare.ts";
import { Namespace, type Child, type Ended } from "./support/namespace.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const VS = "10.96.0.1:80";
const OTHER = "10.96.0.2:80";
const SERVER = "127.0.0.1:8081";
const FOLDER = "/run/lvscare";
const SOCKET = `${FOLDER}/tcp-${VS}.sock`;
const STRANGER = resolve(import.meta.dir, "support/stranger-process.ts");

let host: Namespace;
beforeEach(async () => {
  host = await Namespace.create();
});
afterEach(() => host[Symbol.asyncDispose]());

test("a second daemon at one --http-listen is refused, by name of the first", async () => {
  const web = ["--http-listen", "127.0.0.1:9105"];
  await using first = care(VS, ...web);
  await first.waitForLog(/new virtual server/);
  const second = await lvscare("care", ...flags(OTHER), ...web);
  expect([second.exitCode, second.stderr]).toEqual([
    1,
    expect.stringContaining(`pid ${first.pid} (lvscare) listens there already`),
  ]);
});

test("three daemons in pid and network namespaces share one directory, and commands speak to their own", async () => {
  for (let number = 1; number <= 3; number++) {
    contained("lvscare", "care", ...flags(VS));
    await waitFor(elsewhere, (found) => found.length === number);
  }
  const others = await elsewhere();
  expect(new Set(others.map(({ networkNamespace }) => networkNamespace)).size).toBe(3);
  expect(others.map(({ address }) => address)).toEqual([VS, VS, VS]);
  for (const { process } of others) {
    const enter = (...argv: readonly string[]): Promise<Ended> =>
      host.run(["nsenter", `--target=${process}`, "--net", lvscareBinary(), ...argv]);
    const report = JSON.parse((await enter("status", "-o", "json")).stdout) as StatusReport;
    expect([report.virtualServers.length, report.elsewhere?.length]).toEqual([1, 2]);
    const told = await waitFor(
      () => enter("drain", SERVER),
      ({ stderr }) => !stderr.includes("has not taken over the table yet"),
    );
    expect([told.exitCode, told.stdout]).toEqual([0, expect.stringContaining(`${SERVER} of ${VS}: drained`)]);
    const mention =
      /^lvscare: a daemon in another network namespace cares for 10\.96\.0\.1:80: nsenter --target \d+ --net lvscare status$/gm;
    expect(told.stderr.match(mention)).toHaveLength(2);
    expect((await enter("undrain", SERVER)).exitCode).toBe(0);
    expect((await enter("events")).stderr.match(mention)).toHaveLength(2);
  }
  // None of them is this host's.
  expect(await lvscare("drain", SERVER)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(
      /^lvscare: no lvscare daemon answers in \/run\/lvscare; a daemon in another network namespace /,
    ),
  });
});

test("a stopped daemon keeps its socket, and takes away nobody else's at its end", async () => {
  const frozen = care(VS);
  await waitForDaemon(VS);
  const inode = await inodeOf(SOCKET);
  process.kill(frozen.pid, "SIGSTOP");
  contained("lvscare", "care", ...flags(VS));
  await waitFor(sockets, (names) => names.length === 2);
  expect(await inodeOf(SOCKET)).toBe(inode);

  // Somebody else's lies there when it ends.
  await host.exec("rm", SOCKET);
  await host.exec("touch", SOCKET);
  process.kill(frozen.pid, "SIGCONT");
  expect(await frozen.stop()).toBe(0);
  expect(await host.exec("ls", SOCKET)).toBe(`${SOCKET}\n`);
});

test("commands that name their virtual server ask nobody else", async () => {
  const silent = await stranger(["listen", `${FOLDER}/tcp-10.96.0.3:80.sock`]);
  await using daemon = care(OTHER);
  await daemon.waitForLog(/new virtual server/);
  await waitForDaemon(OTHER);
  for (const argv of [["status"], ["events"], ["drain", SERVER], ["undrain", SERVER], ["doctor"]]) {
    const { stdout, stderr } = await lvscare(...argv, "--vs", OTHER);
    expect(stdout + stderr).not.toContain("tcp-10.96.0.3:80.sock");
  }
  const asked = silent.stdout.getReader().read();
  let isAsked = false;
  void asked.then(() => (isAsked = true));
  expect((await lvscare("status", "--vs", OTHER)).exitCode).toBe(0);
  expect(isAsked).toBe(false);
  expect((await lvscare("drain", SERVER, "--vs", "10.96.0.9:80")).stderr).toBe(
    `lvscare: no daemon cares for 10.96.0.9:80 (they care for ${OTHER}, 10.96.0.3:80)\n`,
  );
  expect((await lvscare("status")).stdout).toContain("does not answer");
  await asked;
});

test("a socket that was removed or replaced is there again, and what was held with it", async () => {
  await using daemon = care(VS);
  await waitForDaemon(VS);
  await lvscare("drain", SERVER);
  await host.exec("rm", SOCKET);
  await waitForDaemon(VS);
  // The volume is made anew.
  await host.exec("mount", "-t", "tmpfs", "-o", "mode=755", "none", FOLDER);
  await waitForDaemon(VS);
  await waitForEqual(() => daemon.logged(/somebody removed or replaced .*\.sock/).length, 2);
  await daemon.stop("SIGKILL");
  await using next = care(VS);
  await next.waitForLog(
    /INFO held by operators: 127\.0\.0\.1:8081: drained, by root since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  );
  // Somebody else's socket in its place.
  await waitForDaemon(VS);
  await stranger(["listen", `${FOLDER}/another`]);
  await host.exec("mv", `${FOLDER}/another`, SOCKET);
  await waitFor(sockets, (names) => names.length === 2);
  await waitForDaemon(VS);
});

test.each([
  ["has bound the name", "claim"],
  ["fills the queue behind the name", "fill"],
])("where another user %s, only one daemon of root's runs", async (_, what) => {
  const name = `tcp ${VS}`;
  const squat = (): Promise<Child> => squatter(what, name);
  if (what === "claim") await squat();
  await using first = care(VS);
  await first.waitForLog(/new virtual server/);
  expect(first.logged(/user 65534 holds the name of tcp .*; going on under another$/)).toHaveLength(
    what === "claim" ? 1 : 0,
  );
  if (what === "fill") {
    // It would take out now and then what waits.
    process.kill(first.pid, "SIGSTOP");
    await squat();
  }
  const second = await lvscare("care", ...flags(VS));
  expect([second.exitCode, second.stderr]).toEqual([
    1,
    expect.stringContaining(`pid ${first.pid} already cares for tcp ${VS}`),
  ]);
  // Where it has another directory, as in a container, it sees no lock.
  const apart = ["unshare", "--mount", "sh", "-c", `mount -t tmpfs -o mode=700 none ${FOLDER}; exec "$@"`, "sh"];
  expect((await host.run([...apart, lvscareBinary(), "care", ...flags(VS)])).stderr).toContain(
    `pid ${first.pid} already cares for tcp ${VS}`,
  );
  expect((await lvscare("care", "--vs", VS, "-C")).stderr).toContain(`pid ${first.pid} still cares for tcp ${VS}`);
  process.kill(first.pid, "SIGCONT");
  expect(await first.stop()).toBe(0);
  await using third = care(VS);
  await third.waitForLog(/new virtual server|took over/);
});

test("another user's name keeps -C from nothing", async () => {
  await using killed = care(VS, "--data-plane", "userspace");
  await killed.waitForLog(/new virtual server/);
  await killed.stop("SIGKILL");
  expect(await host.exec("ip", "address", "show", "dev", "lo")).toContain("10.96.0.1");
  await squatter("claim", "tcp 10.96.0.1:1", `tcp ${VS}`);
  const { exitCode, stderr } = await lvscare("care", "--vs", VS, "-C");
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining("removed 10.96.0.1 from the loopback device")]);
  expect(stderr).not.toContain("still cares");
  expect(await host.exec("ip", "address", "show", "dev", "lo")).not.toContain("10.96.0.1");
});

test("holds are read from files of one's own alone, and a pipe in their place holds up nothing", async () => {
  const hold = JSON.stringify({ [SERVER]: { since: "2026-11-24T10:00:00.000Z", drained: true, by: "alice" } });
  const file = `${FOLDER}/tcp-${VS}-${await host.exec("sh", "-c", "readlink /proc/self/ns/net | tr -dc 0-9")}.holds.json`;
  const start = async (...setUp: readonly string[]): Promise<readonly string[]> => {
    await host.exec("rm", "-rf", file, `${file}.tmp`, "/tmp/planted");
    for (const step of setUp) await host.exec("sh", "-c", step);
    await using daemon = care(VS);
    await daemon.waitForLog(/new virtual server|took over/);
    return daemon.logged(/held/);
  };
  const write = `echo '${hold}' > ${file}`;
  expect(await start(write)).toEqual([
    `INFO held by operators: ${SERVER}: drained, by alice since 2026-11-24T10:00:00.000Z`,
  ]);
  const refused = (why: string): string[] => [`WARN nothing is held: ${file}: ${why}`];
  expect(await start(`mkfifo ${file}`)).toEqual(refused("it is not a regular file"));
  expect(await start(`echo '${hold}' > /tmp/planted`, `ln -s /tmp/planted ${file}`)).toEqual(refused("it is a link"));
  const notOwn = refused("it is not a file that only this user can write to");
  expect(await start(write, `chown 65534 ${file}`)).toEqual(notOwn);
  expect(await start(write, `chmod 666 ${file}`)).toEqual(notOwn);
  expect(await start(write, `chmod 777 ${FOLDER}`)).toEqual(
    refused(`use ${FOLDER}: it is not a directory that only this user can write to`),
  );
  await host.exec("chmod", "700", FOLDER);
  const absent = hold.replace(SERVER, "127.0.0.1:8082");
  expect(await start(`echo '${absent}' > ${file}`)).toEqual([
    "INFO not listed, and held when they are again: 127.0.0.1:8082: drained, by alice since 2026-11-24T10:00:00.000Z",
  ]);
});

// --- internal ---

function flags(vs: string): string[] {
  const setting = "--interval 1 --health-schem http --mode none";
  return ["--vs", vs, "--rs", SERVER, ...setting.split(" ")];
}

function care(vs: string, ...more: readonly string[]): CareProcess {
  return startCare(host, [...flags(vs), ...more]);
}

function lvscare(...argv: readonly string[]): Promise<Ended> {
  return runLvscare(host, argv);
}

/** A program in pid and network namespaces of its own, as in a container that shares a directory with its host. */
function contained(_program: "lvscare", ...argv: readonly string[]): Child {
  const unshare = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return host.spawn([...unshare, "sh", "-c", 'ip link set lo up; exec "$@"', "sh", lvscareBinary(), ...argv]);
}

async function squatter(...argv: readonly string[]): Promise<Child> {
  const nobody = ["setpriv", "--reuid", "65534", "--clear-groups"];
  return stranger(argv, nobody);
}

/** Another program that does with names and sockets what it is told. */
async function stranger(argv: readonly string[], as: readonly string[] = []): Promise<Child> {
  const child = host.spawn([...as, process.execPath, STRANGER, ...argv]);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  expect([new TextDecoder().decode(value), value === undefined ? await child.stderr.text() : ""]).toEqual([
    "ready\n",
    "",
  ]);
  return child;
}

async function status(): Promise<StatusReport> {
  return JSON.parse((await lvscare("status", "-o", "json")).stdout) as StatusReport;
}

async function elsewhere(): Promise<NonNullable<StatusReport["elsewhere"]>> {
  return (await status()).elsewhere ?? [];
}

/** Until the daemon of this host answers, by its socket. */
async function waitForDaemon(vs: string): Promise<void> {
  // To look costs nothing; to ask starts a program.
  await waitFor(sockets, (names) => names.includes(`tcp-${vs}.sock`));
  await waitFor(
    async () => (await lvscare("status", "--vs", vs, "--need-daemon")).exitCode,
    (code) => code === 0,
  );
}

function sockets(): string[] {
  return readdirSync(`/proc/${host.pid}/root${FOLDER}`).filter((name) => name.endsWith(".sock"));
}

async function inodeOf(path: string): Promise<string> {
  return (await host.exec("stat", "--format=%i", path)).trim();
}
