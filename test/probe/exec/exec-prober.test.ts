import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecProbeOptions } from "../../../src/config/probe-kinds/exec.ts";
import { parseEndpoint } from "../../../src/domain/endpoint.ts";
import type { ProbeOutcome } from "../../../src/domain/health.ts";
import { monotonicClock } from "../../../src/probe/clock.ts";
import { createExecProber } from "../../../src/probe/exec/exec-prober.ts";
import { Scripts } from "../../../src/probe/exec/scripts.ts";
import type { Probe } from "../../../src/probe/prober.ts";
import { VirtualClock } from "../../../src/simulation/virtual-clock.ts";
import { eventually } from "../http/support/descriptors.ts";
import { folder } from "../support/programs.ts";

const files = folder();
afterAll(() => files[Symbol.dispose]());

test.each<[script: string, meaning: ExecProbeOptions["exitCode"], verdict: object]>([
  ["exit 0", "health", { passed: true, reason: "exit code 0" }],
  ["echo primary", "health", { passed: true, reason: "primary" }],
  ["echo; printf 'standby\\tof 10.0.0.9\\nmore'; exit 1", "health", { passed: false, reason: "standby of 10.0.0.9" }],
  ["exit 3", "health", { passed: false, reason: "exit code 3" }],
  ["exit 255", "health", { passed: false, reason: "exit code 255" }],
  ["exit 0", "weight", { passed: true, reason: "exit code 0" }],
  ["exit 1", "weight", { passed: false, reason: "exit code 1" }],
  ["exit 2", "weight", { passed: true, reason: "exit code 2, weight 0", advice: { weight: 0 } }],
  ["exit 255", "weight", { passed: true, reason: "exit code 255, weight 253", advice: { weight: 253 } }],
  ["kill -9 $$", "weight", { passed: false, reason: "ended by SIGKILL" }],
  ["echo half; kill -9 $$", "health", { passed: false, reason: "ended by SIGKILL: half" }],
  ["head -c 100000 /dev/zero | tr '\\0' x", "health", { passed: true, reason: `${"x".repeat(200)}…` }],
])("%s as %s", async (script, meaning, verdict) => {
  expect(without(await check(open({ script, exitCode: meaning })))).toEqual(verdict);
});

test.each<[said: string, verdict: object]>([
  [`{"healthy": true}`, { passed: true, reason: "healthy" }],
  [`{"healthy": false}`, { passed: false, reason: "not healthy" }],
  [`{"healthy": true, "weight": 10, "reason": "two\\nlines"}`, { passed: true, reason: "two", advice: { weight: 10 } }],
  [`{"healthy": true, "weight": 10, "drain": true}`, { passed: true, reason: "healthy", advice: { weight: 0 } }],
  [`{"healthy": true, "drain": false, "more": []}`, { passed: true, reason: "healthy" }],
  [`{"healthy": false, "weight": 10, "drain": true, "reason": "standby"}`, { passed: false, reason: "standby" }],
  [
    `{"healthy": true, "wieght": 10}`,
    { passed: true, reason: 'healthy; its output has "wieght", which means nothing: is it weight?' },
  ],
  [`{"healthy": true, "reason": "${"x".repeat(5000)}"}`, { passed: false, reason: "its output is longer than 4 KiB" }],
  [`{"healthy": "true"}`, { passed: false, reason: `its output has no "healthy" that is true or false` }],
  [
    `{"healthy": true, "weight": 1.5}`,
    { passed: false, reason: `its output has a "weight" that is no whole number from 0 to 65535` },
  ],
  [
    `{"healthy": true, "drain": 1}`,
    { passed: false, reason: `its output has a "drain" that is neither true nor false` },
  ],
  [`{"healthy": true, "reason": 1}`, { passed: false, reason: `its output has a "reason" that is no text` }],
  ["[true]", { passed: false, reason: "its output is no JSON object" }],
  ["well", { passed: false, reason: "its output is no JSON object" }],
])("json: %s", async (said, verdict) => {
  const script = `cat <<'END'\n${said}\nEND`;
  expect(without(await check(open({ script, output: "json" })))).toEqual(verdict);
});

test("in json too, an exit code that is not 0 fails", async () => {
  const script = `echo '{"healthy": true}'; exit 3`;
  expect(without(await check(open({ script, output: "json" })))).toEqual({ passed: false, reason: "exit code 3" });
});

test("runs with all groups of the user that it is to run as", async () => {
  if (process.getuid?.() !== 0) return;
  // A host of its own as far as users go.
  files.write("passwd", `${readFileSync("/etc/passwd", "utf8")}checker:x:4201:4202::/:/bin/false\n`);
  files.write("group", "root:x:0:checkers\nchecker:x:4202:\nssl:x:4203:other,checker\nlog:x:4204:checker\n");
  const script = files.write(
    "as-checker.ts",
    `import { Scripts } from "${join(import.meta.dir, "../../../src/probe/exec/scripts.ts")}";
const argv = ["/bin/sh", "-c", "echo $(id -u) $(id -g) $(id -G); sleep 0.01 & exit 3"];
const script = { argv, environment: { PATH: "/usr/bin:/bin" }, directory: "/", user: "checker", timeoutMs: 5000 };
new Scripts().run(script, (result) => console.log(JSON.stringify(result)), () => undefined);`,
  );
  const mounts = ["passwd", "group"].map((name) => `mount --bind ${join(files.path, name)} /etc/${name}`);
  const child = Bun.spawn([
    "unshare",
    "--mount",
    "sh",
    "-ec",
    `${mounts.join("; ")}; exec "$0" "$1"`,
    process.execPath,
    script,
  ]);
  expect(JSON.parse(await child.stdout.text())).toEqual({
    exitCode: 3,
    output: "4201 4202 4202 4203 4204\n",
    isLate: false,
  });
});

test("runs as the user that it is to run as, and one without other groups in its main group alone", async () => {
  if (process.getuid?.() !== 0) return;
  const [uid, gid] = ["-u", "-g"].map((flag) => Bun.spawnSync(["id", flag, "games"]).stdout.toString().trim());
  const command = ["/bin/sh", "-c", "echo $(id -u) $(id -g) $(id -G)"];
  expect(without(await check(open({ command, user: "games" })))).toEqual({
    passed: true,
    reason: `${uid} ${gid} ${gid}`,
  });
  expect(without(await check(open({ command, user: "nobody-there" })))).toEqual({
    passed: undefined,
    reason: "/bin/sh is not run: there is no user nobody-there",
  });
});

test("that others can write since then is not run as root", async () => {
  if (process.getuid?.() !== 0) return;
  const path = files.write("loose", "#!/bin/sh\necho ran\n");
  chmodSync(path, 0o755);
  const probe = open({ command: [path] });
  expect(await check(probe)).toMatchObject({ passed: true, reason: "ran" });
  chmodSync(path, 0o757);
  expect(without(await check(probe))).toEqual({
    passed: undefined,
    reason: `${path} is not run: it is writable by others than root`,
  });
});

test("gets what is checked, its own variables and nothing of ours, and neither a terminal nor input", async () => {
  const out = join(files.path, "environment");
  const script = `env | grep -v ^_ | sort > ${out}; cat; pwd >> ${out}`;
  expect(await check(open({ script, environment: [["ROLE", "primary"]], directory: "/usr" }))).toMatchObject({
    passed: true,
  });
  expect(readFileSync(out, "utf8").split("\n")).toEqual([
    "LVSCARE_ADDRESS=10.0.0.2",
    "LVSCARE_PORT=5432",
    "LVSCARE_REAL_SERVER=10.0.0.2:5432",
    "LVSCARE_STATE=draining",
    "LVSCARE_VIRTUAL_SERVER=10.0.0.1:5432",
    "LVSCARE_WEIGHT=32",
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "PWD=/usr",
    "ROLE=primary",
    "/usr",
    "",
  ]);
});

test("that cannot be run says nothing of the server", async () => {
  expect(without(await check(open({ command: ["/nowhere/check"] })))).toEqual({
    passed: undefined,
    reason: "/nowhere/check cannot be run (ENOENT)",
  });
  expect(without(await check(open({ command: ["/etc/passwd"] })))).toEqual({
    passed: undefined,
    reason: "/etc/passwd cannot be run (EACCES)",
  });
  expect(without(await check(open({ command: ["/bin/true"], directory: "/nowhere" })))).toEqual({
    passed: undefined,
    reason: "/bin/true is not run in /nowhere: no such directory",
  });
  expect(without(await check(open({ command: ["/bin/true"], directory: "/etc/passwd" })))).toMatchObject({
    reason: "/bin/true is not run in /etc/passwd: it is no directory",
  });
  const script = join(files.path, "without-interpreter");
  for (const [line, name] of [
    ["#!/nowhere/sh -e", "/nowhere/sh"],
    ["#! /bin/sh\r", "/bin/sh\\r"],
  ] as const) {
    writeFileSync(script, `${line}\nexit 0\n`, { mode: 0o755 });
    expect(without(await check(open({ command: [script] })))).toEqual({
      passed: undefined,
      reason: `${script} is not run: its interpreter ${name} does not exist`,
    });
  }
});

test("that takes too long fails, and everything that it started ends with it, also what ignores that", async () => {
  const clock = new VirtualClock();
  const pids = join(files.path, "pids");
  const script = `trap '' TERM; (trap '' TERM; sleep 60) & echo $$ $! > ${pids}.new; mv ${pids}.new ${pids}; wait; wait`;
  const probe = open({ script, timeoutMs: 1200 }, new Scripts(8, clock));
  const first = check(probe);
  expect(await eventually(() => existsSync(pids))).toBe(true);
  await clock.advance(1200);
  expect(without(await first)).toEqual({ passed: false, reason: "timed out after 1.2s" });
  const started = readFileSync(pids, "utf8").trim().split(" ");
  expect(started).toHaveLength(2);
  // The next check waits for them, so there are never two.
  rmSync(pids);
  probe.check(() => undefined);
  await clock.advance(1999);
  expect(started.filter(isRunning)).toEqual(started);
  expect(existsSync(pids)).toBe(false);
  await clock.advance(1);
  expect(await eventually(() => existsSync(pids))).toBe(true);
  expect(await eventually(() => !started.some(isRunning))).toBe(true);
  probe.close();
});

test("leaves nothing behind that it started, and does not wait for it", async () => {
  const pid = join(files.path, "pid");
  expect(await check(open({ script: `sleep 60 & echo $! > ${pid}` }))).toMatchObject({ passed: true });
  const started = readFileSync(pid, "utf8").trim();
  expect(await eventually(() => !isRunning(started))).toBe(true);
});

test("ends with its whole group and tells nothing when checks stop", async () => {
  const pids = join(files.path, "stopped");
  const told: ProbeOutcome[] = [];
  const probe = open({ script: `trap '' TERM; sleep 60 & echo $$ $! > ${pids}.new; mv ${pids}.new ${pids}; wait` });
  probe.check((outcome) => told.push(outcome));
  expect(await eventually(() => existsSync(pids))).toBe(true);
  probe.close();
  probe.close();
  const started = readFileSync(pids, "utf8").trim().split(" ");
  expect(await eventually(() => started.every((one) => !isRunning(one)))).toBe(true);
  expect(told).toEqual([]);
});

test("who hangs leaves the others their turn, and says what it said", async () => {
  const clock = new VirtualClock();
  const scripts = new Scripts(1, clock);
  const hangs = join(files.path, "hangs");
  const script = `echo hanging; trap '' TERM; touch ${hangs}; while :; do sleep 1; done`;
  const hanging = open({ script, timeoutMs: 1200 }, scripts);
  const order: string[] = [];
  const first = check(hanging).then(({ reason }) => order.push(reason));
  const other = check(open({ script: "echo quick" }, scripts)).then(({ reason }) => order.push(reason));
  expect(await eventually(() => existsSync(hangs))).toBe(true);
  // What it said is there, and is read within a few turns.
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => void setImmediate(resolve));
  await clock.advance(1200);
  await first;
  hanging.check(() => order.push("again"));
  await other;
  hanging.close();
  expect(order).toEqual(["timed out after 1.2s: hanging", "quick"]);
});

test("no more run at a time than there may", async () => {
  const scripts = new Scripts(2);
  const log = join(files.path, "log");
  const script = `echo + >> ${log}; sleep 0.05; echo - >> ${log}`;
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => check(open({ script }, scripts))));
  expect(outcomes.every(({ passed }) => passed === true)).toBe(true);
  let [running, most] = [0, 0];
  for (const sign of readFileSync(log, "utf8").trim().split("\n")) {
    running += sign === "+" ? 1 : -1;
    most = Math.max(most, running);
  }
  expect([running, most]).toEqual([0, 2]);
});

// --- internal ---

function open({ script, ...options }: Partial<ExecProbeOptions> & { script?: string }, scripts = new Scripts()): Probe {
  const path = files.write(`script-${Bun.randomUUIDv7()}`, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o700);
  return createExecProber(
    {
      type: "exec",
      command: [path],
      exitCode: "health",
      output: "text",
      environment: [],
      directory: "/",
      timeoutMs: 10_000,
      ...options,
    },
    {
      scripts,
      virtualServer: "10.0.0.1:5432",
      standingOf: ({ port }) => ({ state: "draining", weight: port - 5400 }),
      clock: monotonicClock,
    },
  ).open(parseEndpoint("10.0.0.2:5432"), () => undefined);
}

function check(probe: Probe): Promise<ProbeOutcome> {
  return new Promise((resolve) => probe.check(resolve));
}

/** All but the times. */
function without(outcome: ProbeOutcome): object {
  return Object.fromEntries(Object.entries(outcome).filter(([key]) => key !== "latencyMs"));
}

/** A process that ended and was not waited for yet is none any more. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
