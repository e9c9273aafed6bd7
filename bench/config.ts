import { readFileSync, writeFileSync } from "node:fs";
import { openIpvs } from "../src/dataplane/ipvs/ipvs-plane.ts";
import { parseEndpoint } from "../src/domain/endpoint.ts";
import { formatServiceKey, type ObservedVirtualServer, type ServiceKey } from "../src/domain/virtual-server.ts";
import {
  configurationText,
  shapedVirtualServers,
  type ConfigShape,
  type ShapedVirtualServer,
} from "./support/config-file.ts";
import { Farm, farmAddresses } from "./support/farm.ts";
import { keepalivedCommand, keepalivedConfiguration } from "./support/keepalived.ts";
import { median, report, type Measure } from "./support/measures.ts";
import { memory, processorMs } from "./support/process-cost.ts";
import { SETTINGS } from "./support/settings.ts";

// A thousand virtual servers with ten real servers each, from one file: in a lab, ours and keepalived one after the other. Then a hundred with
// three real servers each, beside one with three hundred.

const FILE = "/tmp/bench-config.yaml";
const KEEPALIVED_FILE = "/tmp/bench-config-keepalived.conf";
const LOG = "/tmp/bench-config.log";
const LVSCARE = `${import.meta.dir}/../dist/lvscare`;
const GATEWAY = "10.9.0.1";
const LARGE: ConfigShape = { virtualServers: SETTINGS.isQuick ? 50 : 1000, realServers: 10, intervalS: 5 };
const MANY: ConfigShape = { virtualServers: 100, realServers: 3, intervalS: 1 };
const ONE: ConfigShape = { virtualServers: 1, realServers: 300, intervalS: 1 };
const EMPTY: ConfigShape = { virtualServers: 1, realServers: 1, intervalS: 5 };
const SETTLE_S = SETTINGS.isQuick ? 3 : 15;
const MEASURE_S = SETTINGS.isQuick ? 5 : 20;
const RELOADS = SETTINGS.isQuick ? 2 : 4;
const REST_S = 2;
const WITHIN_MS = 120_000;

for (const command of [
  "ip link set lo up",
  "ip link add node0 type dummy",
  `ip address add ${GATEWAY}/24 dev node0`,
  "ip link set node0 up",
  "modprobe ip_vs",
  "modprobe ip_vs_rr",
  "modprobe ip_vs_wrr",
  "sysctl -qw net.core.somaxconn=4096",
])
  Bun.spawnSync(command.split(" "));
const farm = await Farm.start();
const kernel = await openIpvs();

const size = LARGE.virtualServers * LARGE.realServers;
const peer = await observe("keepalived", LARGE);
console.log("keepalived", LARGE, peer);
const ours = await observe("lvscare", LARGE);
console.log("lvscare", LARGE, ours);
const empty = await observe("lvscare", EMPTY);
console.log("lvscare", EMPTY, empty);
const one = await observe("lvscare", ONE);
console.log("lvscare", ONE, one);
const many = await observe("lvscare", MANY);
console.log("lvscare", MANY, many);
await kernel.close();
await farm.kill();

const shape = `${LARGE.virtualServers} × ${LARGE.realServers}`;
const goalMb = 12 + (3 * size) / 1024;
const measures: Measure[] = [
  {
    what: `${shape}: check-config, start to end`,
    unit: "ms",
    ours: ours.readMs,
    goal: "150 ms",
    isMet: ours.readMs < 150,
  },
  {
    what: `${shape}: from the command to all virtual servers in the kernel`,
    unit: "ms",
    ours: ours.plannedMs,
    peer: peer.plannedMs,
    goal: "2 s",
    isMet: ours.plannedMs < 2000,
  },
  {
    what: `${shape}: from the command to all real servers in service`,
    unit: "ms",
    ours: ours.servedMs,
    peer: peer.servedMs,
  },
  {
    what: `${shape}: a reload that changes three`,
    unit: "ms",
    ours: ours.reloadMs,
    peer: peer.reloadMs,
    goal: "100 ms",
    isMet: ours.reloadMs < 100,
  },
  {
    what: `${shape}: virtual servers that it writes`,
    unit: "",
    ours: ours.written,
    goal: "3",
    isMet: ours.written === 3,
  },
  {
    what: `${shape}: private memory`,
    unit: "MB",
    ours: ours.privateMb,
    peer: peer.privateMb,
    goal: `12 MB and 3 KB a real server, ${Math.round(goalMb)} MB`,
    isMet: ours.privateMb <= goalMb,
  },
  {
    what: `${shape}: private memory for each real server beyond that of one`,
    unit: "kB",
    ours: ((ours.privateMb - empty.privateMb) * 1024) / size,
  },
  { what: `${shape}: processor time for 60 s`, unit: "s", ours: ours.secondsPerMinute, peer: peer.secondsPerMinute },
  {
    what: "100 × 3, each second: processor time for 60 s, beside 1 × 300",
    unit: "s",
    ours: many.secondsPerMinute,
    peer: one.secondsPerMinute,
    goal: "no more",
    isMet: many.secondsPerMinute <= one.secondsPerMinute,
  },
];
report(measures);
process.exit(0);

// --- internal ---

interface Observed {
  readonly readMs: number;
  readonly plannedMs: number;
  readonly servedMs: number;
  readonly secondsPerMinute: number;
  readonly privateMb: number;
  readonly reloadMs: number;
  /** Virtual servers that the last reload wrote. */
  readonly written: number;
}

async function observe(program: "lvscare" | "keepalived", shape: ConfigShape): Promise<Observed> {
  Bun.spawnSync(["ipvsadm", "-C"]);
  const addresses = farmAddresses(shape.virtualServers * shape.realServers);
  const before = shapedVirtualServers(shape, addresses);
  const after = shapedVirtualServers({ ...shape, isChanged: true }, addresses);
  writeFiles(before, shape);
  const readMs = program === "lvscare" && shape === LARGE ? median(Array.from({ length: 5 }, checkConfig)) : Number.NaN;
  const startedMs = performance.now();
  const command = program === "keepalived" ? keepalivedCommand(KEEPALIVED_FILE) : [LVSCARE, "care", "--config", FILE];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: Bun.file(LOG) });
  const planned = timeUntil(startedMs, before, (found) => found !== undefined);
  const plannedMs = await Promise.race([planned, failsAtItsEnd(child)]);
  const servedMs = await timeUntil(startedMs, before, (found) => found?.realServers.length === shape.realServers);

  await Bun.sleep(SETTLE_S * 1000);
  const [usedMs, sinceMs] = [processorMs(child.pid), performance.now()];
  await Bun.sleep(MEASURE_S * 1000);
  const secondsPerMinute = ((processorMs(child.pid) - usedMs) / (performance.now() - sinceMs)) * 60;
  const { privateMb } = memory(child.pid);

  const reloads: number[] = [];
  let written = 0;
  // Of the others, only what they cost is of interest.
  const rounds = shape === LARGE ? RELOADS : 0;
  for (let round = 0; round < rounds; round++) {
    const [from, to] = round % 2 === 0 ? [before, after] : [after, before];
    writeFiles(to, shape);
    // It may have been noticed by itself; the signal then is for nothing.
    const tableBefore = await kernel.readAll();
    const reloadedMs = performance.now();
    child.kill("SIGHUP");
    const changed = to.filter(
      (wanted, index) => wanted.weight !== from[index]?.weight || wanted.scheduler !== from[index]?.scheduler,
    );
    reloads.push(await timeUntil(reloadedMs, changed, isAs));
    written = differences(tableBefore, await kernel.readAll());
    await Bun.sleep(REST_S * 1000);
  }
  child.kill();
  await child.exited;
  return {
    readMs,
    plannedMs,
    servedMs,
    secondsPerMinute,
    privateMb,
    reloadMs: reloads.length === 0 ? Number.NaN : median(reloads),
    written,
  };
}

async function failsAtItsEnd(child: Bun.Subprocess): Promise<never> {
  const code = await child.exited;
  throw new Error(`it ended with ${code}:\n${readFileSync(LOG, "utf8").slice(-2000)}`);
}

function writeFiles(all: readonly ShapedVirtualServer[], { intervalS }: ConfigShape): void {
  writeFileSync(FILE, configurationText(all, intervalS, GATEWAY));
  writeFileSync(KEEPALIVED_FILE, keepalivedConfiguration(all, intervalS));
}

/** Looks at one until it is so, and then at the next: what watches must not take the processor from those that are watched. */
async function timeUntil(
  sinceMs: number,
  all: readonly ShapedVirtualServer[],
  isSo: (found: ObservedVirtualServer | undefined, wanted: ShapedVirtualServer) => boolean,
): Promise<number> {
  for (const wanted of all.toReversed())
    while (!isSo(await kernel.read(keyOf(wanted)), wanted)) {
      if (performance.now() - sinceMs > WITHIN_MS)
        throw new Error(`${wanted.address} is still not so after ${WITHIN_MS} ms`);
      await Bun.sleep(4);
    }
  return performance.now() - sinceMs;
}

function isAs(found: ObservedVirtualServer | undefined, { weight, scheduler }: ShapedVirtualServer): boolean {
  return found?.service.scheduler === scheduler && found.realServers.every(({ server }) => server.weight === weight);
}

function keyOf({ address }: ShapedVirtualServer): ServiceKey {
  return { protocol: "tcp", endpoint: parseEndpoint(address) };
}

/** How many virtual servers are not in both as they are in one. */
function differences(a: readonly ObservedVirtualServer[], b: readonly ObservedVirtualServer[]): number {
  const entries = (all: readonly ObservedVirtualServer[]): Map<string, unknown> =>
    new Map(
      all.map(({ service, realServers }) => [
        formatServiceKey(service),
        [service, realServers.map(({ server }) => server)],
      ]),
    );
  const [before, after] = [entries(a), entries(b)];
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => !Bun.deepEquals(before.get(key), after.get(key)),
  ).length;
}

/** From the command to its end, in milliseconds. */
function checkConfig(): number {
  const startedMs = performance.now();
  const { exitCode, stderr } = Bun.spawnSync([LVSCARE, "check-config", FILE]);
  if (exitCode !== 0) throw new Error(`the configuration is refused: ${stderr.toString()}`);
  return performance.now() - startedMs;
}
