import { writeFileSync } from "node:fs";
import { Client } from "./support/client.ts";
import { kernelName, tableReader, timeUntil } from "./support/ipvs-table.ts";
import { keepalivedCommand, keepalivedConfiguration } from "./support/keepalived.ts";
import { median, report, type Measure } from "./support/measures.ts";
import { SETTINGS } from "./support/settings.ts";
import { setStage, type Host } from "./support/stage.ts";

// From a fault to the last client that feels it: in a lab, hosts are namespaces; ours and keepalived take turns, and a third program
// with LVScare's flags where one is given.

const VS = "10.96.0.1:80";
const TURNS = SETTINGS.isQuick ? 1 : 3;
const KEEPALIVED = "/tmp/keepalived.conf";
const FAULTS = ["kill", "link", "silent", "hang", "500"] as const;
type Fault = (typeof FAULTS)[number];
const WORDS: Readonly<Record<Fault, string>> = {
  kill: "a killed server",
  link: "a dead link",
  silent: "a host that falls silent behind a switch, without a link event",
  hang: "a hung server",
  "500": "a server that answers 500",
};

/** Who checks once a second notices these within anything from nothing to a second: a median of few would be a matter of luck. */
const MANY: ReadonlySet<Fault> = new Set(["kill", "silent", "hang", "500"]);

interface Outcome {
  readonly outMs: number;
  readonly goneMs: number;
  readonly backMs: number;
  readonly failed: number;
}

const hosts = await setStage(VS, 3);
const [, victim] = hosts as [Host, Host, Host];
const servers = hosts.map(({ address }) => address);
const VICTIM = kernelName(victim.address);
const read = tableReader();
const client = new Client(VS, 50);
writeFileSync(KEEPALIVED, keepalivedConfiguration([{ address: VS, realServers: servers }], 1));

const flags = `care --vs ${VS} --rs ${servers.join(",")} --health-schem http --health-path / --mode none`.split(" ");
const FAST = ["--interval", "1", "--health-timeout", "1s"];
const ours = [`${import.meta.dir}/../dist/lvscare`, ...flags, "--sysctls", "keep"];
const contenders: Readonly<Record<string, readonly string[]>> = {
  peer: keepalivedCommand(KEEPALIVED),
  ours: [...ours, ...FAST],
  ...(SETTINGS.third !== undefined && {
    third: [SETTINGS.third, ...flags.filter((flag) => flag !== "none" && flag !== "--mode"), "--mode=", ...FAST],
  }),
};

const measures: Measure[] = [];
for (const fault of FAULTS) {
  const outcomes: Record<string, Outcome[]> = {};
  for (let turn = 0; turn < TURNS; turn++)
    for (const [name, command] of Object.entries(contenders))
      (outcomes[name] ??= []).push(...(await suffer(command, fault, phases(turn, roundsPerTurn(fault)))));
  console.log(fault, JSON.stringify(outcomes));
  measures.push(...compare(fault, outcomes));
}
for (const [fault, goalMs] of [
  ["kill", 50],
  ["link", 4000],
] as const) {
  const times = SETTINGS.isQuick ? 1 : fault === "kill" ? 3 : 1;
  const outcomes: Outcome[] = [];
  for (let turn = 0; turn < TURNS; turn++) outcomes.push(...(await suffer(ours, fault, phases(turn, times))));
  const outMs = median(outcomes.map((one) => one.outMs));
  console.log("default settings", fault, JSON.stringify(outcomes));
  measures.push({
    what: `${WORDS[fault]}, default settings: out of rotation after`,
    unit: "ms",
    ours: outMs,
    goal: `${goalMs} ms`,
    isMet: outMs <= goalMs,
  });
}
client.kill();
for (const host of hosts) await host[Symbol.asyncDispose]();
report(measures);
process.exit(0);

// --- internal ---

function roundsPerTurn(fault: Fault): number {
  if (SETTINGS.isQuick) return 1;
  return MANY.has(fault) ? 4 : 2;
}

/**
 * When the faults of a turn strike, in parts of the time between two checks: of all turns together at even distances. When a checker that sees a
 * server once a second notices is decided by that more than by the checker, so it is the same for all of them.
 */
function phases(turn: number, times: number): readonly number[] {
  return Array.from({ length: times }, (_, time) => (time * TURNS + turn + 0.5) / (times * TURNS));
}

async function suffer(command: readonly string[], fault: Fault, parts: readonly number[]): Promise<Outcome[]> {
  Bun.spawnSync(["ipvsadm", "-C"]);
  const checker = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const outcomes: Outcome[] = [];
  await timeUntil(read, (weights) => servers.every((server) => (weights.get(kernelName(server)) ?? 0) > 0));
  await Bun.sleep(2000);
  for (const part of parts) {
    // With code that has run before.
    await Bun.sleep(2000);
    outcomes.push(await sufferOnce(fault, part));
  }
  checker.kill();
  await checker.exited;
  return outcomes;
}

async function sufferOnce(fault: Fault, part: number): Promise<Outcome> {
  await untilServed();
  await client.begin();
  // Each has an interval of its own: what comes early now and then is not struck more often at its beginning.
  await Bun.sleep(part * (await victim.checked()));
  const startedMs = performance.now();
  await strike(fault, true);
  await timeUntil(read, (weights) => (weights.get(VICTIM) ?? 0) === 0);
  const outMs = performance.now() - startedMs;
  await Bun.sleep(200);
  const [failed] = await Promise.all([client.finish(), timeUntil(read, (weights) => !weights.has(VICTIM))]);
  const goneMs = performance.now() - startedMs;
  await strike(fault, false);
  const backMs = await timeUntil(read, (weights) => (weights.get(VICTIM) ?? 0) > 0);
  return { outMs, goneMs, backMs, failed };
}

/** Clients are served before anything is done to the servers: otherwise what fails afterwards says nothing, and that is said. */
async function untilServed(): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    await client.begin();
    await Bun.sleep(300);
    if ((await client.finish()) === 0) return;
  }
  console.error("requests fail although nothing was done to the servers: believe no count of failed ones from here on");
  console.error(Bun.spawnSync(["ipvsadm", "-Ln", "--stats"]).stdout.toString());
}

async function strike(fault: Fault, isOn: boolean): Promise<void> {
  switch (fault) {
    case "kill":
      if (isOn) return victim.signalServer("SIGKILL");
      return victim.restartServer();
    case "link":
      return victim.setLink(isOn ? "down" : "up");
    case "silent":
      return victim.setSilent(isOn);
    case "hang":
      return victim.signalServer(isOn ? "SIGSTOP" : "SIGCONT");
    case "500":
      return victim.signalServer("SIGUSR2");
  }
}

function compare(fault: Fault, outcomes: Readonly<Record<string, readonly Outcome[]>>): Measure[] {
  const line = (what: string, unit: string, pick: (one: Outcome) => number): Measure => {
    const of = (name: string): number => median((outcomes[name] ?? []).map(pick));
    const third = outcomes["third"] === undefined ? {} : { third: of("third") };
    return { what: `${WORDS[fault]}: ${what}`, unit, ours: of("ours"), peer: of("peer"), ...third };
  };
  const out = line("out of rotation after", "ms", ({ outMs }) => outMs);
  const failed = line("failed requests of 50 a second", "", (one) => one.failed);
  const peer = out.peer ?? Number.NaN;
  const goals: Readonly<Record<Fault, readonly [goal: string, isMet: boolean]>> = {
    kill: ["a tenth of the peer's, under 30 ms", out.ours <= Math.min(30, peer / 10)],
    link: ["3/4 of the peer's", out.ours <= 0.75 * peer],
    silent: ["half of the peer's", out.ours <= 0.5 * peer],
    hang: ["the peer's", out.ours <= peer],
    "500": ["the peer's", out.ours <= peer],
  };
  const [goal, isMet] = goals[fault];
  return [
    { ...out, goal, isMet },
    line("removed after", "ms", ({ goneMs }) => goneMs),
    line("back after its return", "ms", ({ backMs }) => backMs),
    fault === "kill" ? { ...failed, goal: "1", isMet: failed.ours <= 1 } : failed,
  ];
}
