import { writeFileSync } from "node:fs";
import { Namespace } from "../test/kernel/support/namespace.ts";
import { tableReader, timeUntil } from "./support/ipvs-table.ts";
import { keepalivedCommand, keepalivedConfiguration } from "./support/keepalived.ts";
import { median, report, type Measure } from "./support/measures.ts";

// From a fault to the last client that feels it: in the VM, hosts are namespaces; ours and keepalived take turns.

const VS = "10.96.0.1:80";
const ROUNDS = Number(process.argv[2] ?? 5);
const SERVERS = [1, 2, 3].map((index) => `10.0.${index}.2:80`);
const VICTIM = SERVERS[1] ?? "";

type Fault = "kill" | "link" | "hang" | "500";
interface Outcome {
  readonly outMs: number;
  readonly goneMs: number;
  readonly backMs: number;
  readonly failed: number;
}

// The table belongs to the bench's own network namespace: the node is where this process is.
Bun.spawnSync(["ip", "link", "set", "lo", "up"]);
Bun.spawnSync(["ip", "address", "add", "10.96.0.1/32", "dev", "lo"]);
for (const module of ["ip_vs", "ip_vs_rr"]) Bun.spawnSync(["modprobe", module]);
const hosts = await Promise.all([1, 2, 3].map(() => Namespace.create()));
for (const [index, host] of hosts.entries()) {
  const n = index + 1;
  await host.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", `s${n}`, "netns", String(process.pid));
  await host.addAddress(`10.0.${n}.2/24`, "eth0");
  await host.exec("ip", "link", "set", "eth0", "up");
  Bun.spawnSync(["ip", "address", "add", `10.0.${n}.1/24`, "dev", `s${n}`]);
  Bun.spawnSync(["ip", "link", "set", `s${n}`, "up"]);
}
const victim = hosts[1];
if (victim === undefined) throw new Error("no victim");
const startServer = (host: Namespace) =>
  host.spawn([process.execPath, `${import.meta.dir}/support/one-server-process.ts`]);
let servers = hosts.map(startServer);
const read = await tableReader(VS);
const client = Bun.spawn([process.execPath, `${import.meta.dir}/support/client-process.ts`, VS, "50"], {
  stdin: "pipe",
  stdout: "pipe",
});
const clientLines = linesOf(client.stdout);

writeFileSync("/tmp/keepalived.conf", keepalivedConfiguration(VS, SERVERS));
const checks = "--health-schem http --health-path / --mode none --sysctls keep".split(" ");
const care = [`${import.meta.dir}/../dist/lvscare`, "care", "--vs", VS, "--rs", SERVERS.join(","), ...checks];
const fast = [...care, "--interval", "1", "--health-timeout", "1s"];

const measures: Measure[] = [];
const words: Readonly<Record<Fault, string>> = {
  kill: "a killed server",
  link: "a dead link",
  hang: "a hung server",
  "500": "a server that answers 500",
};
for (const fault of ["kill", "link", "hang", "500"] as const) {
  const [ours, theirs] = await interleaved(fault);
  const of = (outcomes: readonly Outcome[], pick: (one: Outcome) => number): number => median(outcomes.map(pick));
  const out = (outcomes: readonly Outcome[]): number => of(outcomes, ({ outMs }) => outMs);
  const goals: Readonly<Record<Fault, readonly [string, boolean]>> = {
    kill: ["a tenth of the peer's, under 30 ms", out(ours) <= Math.min(30, out(theirs) / 10)],
    link: ["3/4 of the peer's", out(ours) <= 0.75 * out(theirs)],
    hang: ["the peer's", out(ours) <= out(theirs)],
    "500": ["the peer's", out(ours) <= out(theirs)],
  };
  const [goal, isMet] = goals[fault];
  measures.push(
    { what: `${words[fault]}: out of rotation after`, unit: "ms", ours: out(ours), peer: out(theirs), goal, isMet },
    {
      what: `${words[fault]}: removed after`,
      unit: "ms",
      ours: of(ours, ({ goneMs }) => goneMs),
      peer: of(theirs, ({ goneMs }) => goneMs),
    },
    {
      what: `${words[fault]}: back after its return`,
      unit: "ms",
      ours: of(ours, ({ backMs }) => backMs),
      peer: of(theirs, ({ backMs }) => backMs),
    },
    {
      what: `${words[fault]}: failed requests of 50 a second`,
      unit: "",
      ours: of(ours, ({ failed }) => failed),
      peer: of(theirs, ({ failed }) => failed),
      ...(fault === "kill" && { goal: "1", isMet: of(ours, ({ failed }) => failed) <= 1 }),
    },
  );
}
for (const [fault, goalMs] of [
  ["kill", 50],
  ["link", 4000],
] as const) {
  const outcomes = await run(care, fault, Math.min(3, ROUNDS));
  const outMs = median(outcomes.map((one) => one.outMs));
  measures.push({
    what: `${words[fault]}, default settings: out of rotation after`,
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

async function interleaved(fault: Fault): Promise<[ours: Outcome[], theirs: Outcome[]]> {
  const [ours, theirs]: [Outcome[], Outcome[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(...(await run(keepalivedCommand("/tmp/keepalived.conf"), fault, 1)));
    ours.push(...(await run(fast, fault, 1)));
  }
  console.log(fault, "ours", ours, "theirs", theirs);
  return [ours, theirs];
}

async function run(command: readonly string[], fault: Fault, times: number): Promise<Outcome[]> {
  Bun.spawnSync(["ipvsadm", "-C"]);
  const checker = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const outcomes: Outcome[] = [];
  await timeUntil(read, (weights) => SERVERS.every((server) => (weights.get(server) ?? 0) > 0));
  for (let time = 0; time < times; time++) {
    // Anywhere in an interval, with code that has run before.
    await Bun.sleep(3000 + Math.random() * 1000);
    await say("begin");
    await strike(fault, true);
    const outMs = await timeUntil(read, (weights) => (weights.get(VICTIM) ?? 0) === 0);
    const goneMs = outMs + (await timeUntil(read, (weights) => !weights.has(VICTIM)));
    await Bun.sleep(1200);
    const failed = Number(await say("finish"));
    await strike(fault, false);
    const backMs = await timeUntil(read, (weights) => (weights.get(VICTIM) ?? 0) > 0);
    outcomes.push({ outMs, goneMs, backMs, failed });
  }
  checker.kill();
  await checker.exited;
  return outcomes;
}

async function strike(fault: Fault, isOn: boolean): Promise<void> {
  const [, server] = servers;
  if (server === undefined || victim === undefined) return;
  switch (fault) {
    case "kill":
      if (isOn) {
        process.kill(server.pid, "SIGKILL");
      } else {
        servers = servers.with(1, startServer(victim));
        await Bun.sleep(500);
      }
      return;
    case "link":
      await victim.exec("ip", "link", "set", "eth0", isOn ? "down" : "up");
      return;
    case "hang":
      process.kill(server.pid, isOn ? "SIGSTOP" : "SIGCONT");
      return;
    case "500":
      process.kill(server.pid, "SIGUSR2");
  }
}

async function say(command: string): Promise<string> {
  client.stdin.write(`${command}\n`);
  await client.stdin.flush();
  return (await clientLines.next()).value ?? "";
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of stream) {
    rest += new TextDecoder().decode(chunk);
    for (let at = rest.indexOf("\n"); at !== -1; at = rest.indexOf("\n")) {
      yield rest.slice(0, at);
      rest = rest.slice(at + 1);
    }
  }
  return undefined;
}
