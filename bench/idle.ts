import { writeFileSync } from "node:fs";
import type { EventRecord } from "../src/domain/event-record.ts";
import { Farm, farmAddresses, realServerFlags } from "./support/farm.ts";
import { hasVirtualServer, tableReader, timeUntil } from "./support/ipvs-table.ts";
import { keepalivedCommand, keepalivedConfiguration } from "./support/keepalived.ts";
import { median, report, type Measure } from "./support/measures.ts";
import { contextSwitches, memory, processorMs } from "./support/process-cost.ts";
import { SETTINGS } from "./support/settings.ts";

// What it costs to check healthy servers once a second, ten thousand of them every five, and what happens when all of them die and return: in a
// lab, ours and keepalived one after the other.

const VS = "10.0.0.1:80";
const SIZES = SETTINGS.isQuick ? [3, 100] : [3, 100, 1000, 10_000];
const intervalS = (size: number): number => (size === 10_000 ? 5 : 1);
/**
 * A daemon runs for months: what it does in its first minutes, such as compiling what turned out to be hot, is not what it costs. With a hundred
 * checks a second that takes longer than with a thousand.
 */
const settleS = (size: number): number => (SETTINGS.isQuick ? 5 : size === 100 ? 240 : 120);
const MEASURE_S = SETTINGS.isQuick ? 5 : 30;
const failures = (size: number): number => (SETTINGS.isQuick || size === 10_000 ? 1 : 3);
/** Emulated, ten thousand take their time. */
const WITHIN_MS = 300_000;
const LOG = "/tmp/bench-idle.log";
const LVSCARE = `${import.meta.dir}/../dist/lvscare`;

for (const command of [
  "ip link set lo up",
  "modprobe ip_vs",
  "modprobe ip_vs_rr",
  "sysctl -qw net.core.somaxconn=4096",
])
  Bun.spawnSync(command.split(" "));
const farm = await Farm.start();
const read = tableReader();

const measures: Measure[] = [];
for (const size of SIZES) {
  const servers = farmAddresses(size);
  writeFileSync(
    "/tmp/keepalived.conf",
    keepalivedConfiguration([{ address: VS, realServers: servers }], intervalS(size)),
  );
  const peer = await observe(keepalivedCommand("/tmp/keepalived.conf"), size, false);
  const flags = `--vs ${VS} --health-schem http --health-path / --interval ${intervalS(size)} --mode none --sysctls keep`;
  const ours = await observe([LVSCARE, "care", ...flags.split(" "), ...realServerFlags(servers)], size, true);
  measures.push(...compare(size, ours, peer));
  console.log(size, "peer", peer, "ours", ours);
}
await farm.kill();
report(measures);
process.exit(0);

// --- internal ---

interface Observed {
  /** From the command until the virtual server stands in the kernel, and until all real servers are in service. */
  readonly planMs: number;
  readonly serviceMs: number;
  readonly secondsPerMinute: number;
  readonly perCheckUs: number;
  /** Of the checks that the interval asks for, how many came. */
  readonly kept: number;
  readonly switches: number;
  readonly residentMb: number;
  readonly privateMb: number;
  readonly downMs: number;
  /** From the last verdict to the kernel's acknowledgement of the last weight 0; ours alone says when that was. */
  readonly afterVerdictMs: number;
  readonly backMs: number;
}

async function observe(command: readonly string[], size: number, isOurs: boolean): Promise<Observed> {
  Bun.spawnSync(["ipvsadm", "-C"]);
  const commandMs = performance.now();
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: Bun.file(LOG) });
  await timeUntil(hasVirtualServer, Boolean, WITHIN_MS);
  const planMs = performance.now() - commandMs;
  await timeUntil(read, (weights) => inService(weights) === size, WITHIN_MS);
  const serviceMs = performance.now() - commandMs;
  await Bun.sleep(settleS(size) * 1000);
  const [beforeMs, beforeSwitches, startedMs] = [processorMs(child.pid), contextSwitches(child.pid), performance.now()];
  farm.say("reset");
  await Bun.sleep(MEASURE_S * 1000);
  const { requests } = await farm.report();
  const seconds = (performance.now() - startedMs) / 1000;
  const usedMs = processorMs(child.pid) - beforeMs;
  const switches = (contextSwitches(child.pid) - beforeSwitches) / seconds;
  const held = memory(child.pid);

  const rounds: Awaited<ReturnType<typeof allFail>>[] = [];
  for (let round = 0; round < failures(size); round++) rounds.push(await allFail(size, isOurs));
  child.kill();
  await child.exited;
  return {
    planMs,
    serviceMs,
    secondsPerMinute: (usedMs / seconds) * 0.06,
    perCheckUs: (usedMs * 1000) / requests,
    kept: (requests * intervalS(size)) / (size * seconds),
    switches,
    ...held,
    downMs: median(rounds.map(({ downMs }) => downMs)),
    afterVerdictMs: median(rounds.map(({ afterVerdictMs }) => afterVerdictMs)),
    backMs: median(rounds.map(({ backMs }) => backMs)),
  };
}

/** All of them at once, and back. */
async function allFail(size: number, isOurs: boolean): Promise<Pick<Observed, "downMs" | "afterVerdictMs" | "backMs">> {
  farm.say("down");
  const downMs = await timeUntil(read, (weights) => inService(weights) === 0, WITHIN_MS);
  const afterVerdictMs = isOurs ? outAfterVerdictMs() : Number.NaN;
  // So that ours has removed them, and both are at rest with everybody dead.
  await Bun.sleep(4000 * intervalS(size));
  farm.say("up");
  const backMs = await timeUntil(read, (weights) => inService(weights) === size, WITHIN_MS);
  await Bun.sleep(4000 * intervalS(size));
  return { downMs, afterVerdictMs, backMs };
}

function compare(size: number, ours: Observed, peer: Observed): Measure[] {
  const line = (what: string, unit: string, pick: (one: Observed) => number): Measure => ({
    what: `${size} servers: ${what}`,
    unit,
    ours: pick(ours),
    peer: pick(peer),
  });
  // Those for ten thousand are `scale`'s, where processors are real.
  const hasGoals = size < 10_000;
  const limitMb = { 3: 12, 1000: 30 }[size];
  return [
    line("from the command to the virtual server in the kernel", "ms", ({ planMs }) => planMs),
    {
      ...line("from the command to all in service (ours checks them first)", "ms", ({ serviceMs }) => serviceMs),
      ...(hasGoals && { goal: "1.5 times the peer's", isMet: ours.serviceMs <= 1.5 * peer.serviceMs }),
    },
    {
      ...line("processor time for 60 s", "s", ({ secondsPerMinute }) => secondsPerMinute),
      ...(hasGoals &&
        size >= 100 && {
          goal: "half of the peer's",
          isMet: ours.secondsPerMinute <= peer.secondsPerMinute / 2,
        }),
    },
    line("processor time per check", "µs", ({ perCheckUs }) => perCheckUs),
    {
      ...line("checks of those that the interval asks for", "%", ({ kept }) => 100 * kept),
      ...(hasGoals && { goal: "interval kept", isMet: ours.kept >= 0.99 }),
    },
    line("context switches", "1/s", ({ switches }) => switches),
    line("resident memory", "MB", ({ residentMb }) => residentMb),
    {
      ...line("private memory", "MB", ({ privateMb }) => privateMb),
      ...(limitMb !== undefined && { goal: `${limitMb} MB`, isMet: ours.privateMb <= limitMb }),
    },
    line("all die at once: all out of rotation after", "ms", ({ downMs }) => downMs),
    {
      what: `${size} servers: all die at once: from the last verdict to the last weight 0`,
      unit: "ms",
      ours: ours.afterVerdictMs,
      ...(size === 1000 && { goal: "50 ms", isMet: ours.afterVerdictMs <= 50 }),
    },
    line("all return at once: all in rotation after", "ms", ({ backMs }) => backMs),
  ];
}

/**
 * From the last verdict to the last weight 0, by the times that the daemon's events carry: to read a large table takes this bench as long as what is
 * measured here.
 */
function outAfterVerdictMs(): number {
  const { stdout } = Bun.spawnSync([LVSCARE, "events", "--output", "json"]);
  const events = stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as EventRecord);
  const last = (isIt: (event: EventRecord) => boolean): number =>
    Math.max(...events.filter(isIt).map(({ at }) => Date.parse(at)));
  const isOut = (event: EventRecord): boolean => event.plan?.some((operation) => operation.endsWith("→ 0")) === true;
  const ms = last(isOut) - last(({ to }) => to === "draining");
  if (ms < 0) throw new Error("the daemon's events do not tell when the last weight 0 was written");
  return ms;
}

function inService(weights: ReadonlyMap<string, number>): number {
  return [...weights.values()].filter((weight) => weight > 0).length;
}
