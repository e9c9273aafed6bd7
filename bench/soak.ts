import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, report } from "./support/measures.ts";
import { SETTINGS } from "./support/settings.ts";

// A day's worth of checks and transitions in minutes: a hundred servers are checked fifty times a second and go up and down by turns;
// what the daemon holds is read again and again.

const SERVERS = 100;
const INTERVAL_MS = 20;
const WELL = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const UNWELL = Buffer.from("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno");
const seconds = SETTINGS.isQuick ? 15 : 210;
const RUNTIME = await mkdtemp(join(tmpdir(), "lvscare-soak-"));

const down = new Set<number>();
let probes = 0;
let flips = 0;
const farm = Array.from({ length: SERVERS }, (_, index) =>
  Bun.listen({
    hostname: addressOf(index),
    port: 18_090,
    socket: {
      data(socket) {
        probes++;
        socket.write(down.has(index) ? UNWELL : WELL);
      },
    },
  }),
);

const binary = `${import.meta.dir}/../dist/lvscare`;
const flags = `--vs 127.79.0.1:18091 --data-plane userspace --mode none --health-schem http --health-path / --interval ${INTERVAL_MS}ms`;
const targets = Array.from({ length: SERVERS }, (_, index) => `${addressOf(index)}:18090`).join(",");
const care = Bun.spawn([binary, "care", ...flags.split(" "), "--rs", targets], {
  env: { ...process.env, XDG_RUNTIME_DIR: RUNTIME },
  stdout: "ignore",
  stderr: "ignore",
});

try {
  // Caches fill and code is compiled first: what counts is what still grows after that.
  await watch("warm-up", Math.min(30, seconds / 3));
  const start = await atRest();
  const [probesBefore, flipsBefore] = [probes, flips];
  // The heap breathes by a fifth from one collection to the next: the middle of many readings tells of growth, two readings do not.
  const earlier = await watch("first half", seconds / 2);
  const later = await watch("second half", seconds / 2);
  const end = await atRest();
  const done = probes - probesBefore;
  console.log(`${done} probes and ${flips - flipsBefore} changes of health in ${seconds} s`);
  console.log(`at the start ${describe(start)}`);
  console.log(`at the end   ${describe(end)}`);
  const grownMb = (median(later) - median(earlier)) / 1024;
  report([
    { what: "checks", unit: "", ours: done },
    { what: "changes of health", unit: "", ours: flips - flipsBefore },
    { what: "growth per 10,000 checks", unit: "kB", ours: (grownMb * 1024 * 10_000) / (done / 2) },
    { what: "private memory in the first half", unit: "MB", ours: median(earlier) / 1024 },
    {
      what: "more private memory in the second half",
      unit: "MB",
      ours: grownMb,
      goal: "none (2 MB)",
      isMet: grownMb <= 2,
    },
    {
      what: "more descriptors",
      unit: "",
      ours: end.descriptors - start.descriptors,
      goal: "none (5)",
      isMet: end.descriptors <= start.descriptors + 5,
    },
    {
      what: "more netlink sockets",
      unit: "",
      ours: end.netlinkSockets - start.netlinkSockets,
      goal: "none",
      isMet: end.netlinkSockets <= start.netlinkSockets,
    },
    {
      what: "more threads",
      unit: "",
      ours: end.threads - start.threads,
      goal: "none (2)",
      isMet: end.threads <= start.threads + 2,
    },
  ]);
} finally {
  care.kill("SIGTERM");
  await care.exited;
  for (const server of farm) server.stop(true);
  await rm(RUNTIME, { recursive: true });
}

/** Kilobytes of private memory, each two seconds. */
async function watch(what: string, forSeconds: number): Promise<readonly number[]> {
  const readings: number[] = [];
  const startedMs = performance.now();
  for (let index = 0; performance.now() < startedMs + forSeconds * 1000; index = (index + 1) % SERVERS) {
    if (!down.delete(index)) down.add(index);
    flips++;
    await Bun.sleep(10);
    if (performance.now() < startedMs + readings.length * 2000) continue;
    const held = holdings();
    readings.push(held.privateKb);
    if (readings.length % 15 === 0) console.log(`${what}: ${probes} probes, ${describe(held)}`);
  }
  return readings;
}

/** With everybody up; the fewest descriptors of many readings, since checks over new connections have two each while they are under way. */
async function atRest(): Promise<Holdings> {
  down.clear();
  await Bun.sleep(5000);
  const readings: Holdings[] = [];
  for (let count = 0; count < 20; count++) {
    readings.push(holdings());
    await Bun.sleep(23);
  }
  const descriptors = Math.min(...readings.map((one) => one.descriptors));
  return { ...holdings(), descriptors };
}

function addressOf(index: number): string {
  return `127.79.1.${index + 1}`;
}

interface Holdings {
  readonly privateKb: number;
  readonly residentKb: number;
  readonly descriptors: number;
  readonly netlinkSockets: number;
  readonly threads: number;
}

function holdings(): Holdings {
  const of = `/proc/${care.pid}`;
  const memory = readFileSync(`${of}/smaps_rollup`, "utf8");
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(memory)?.[1] ?? 0);
  const descriptors = readdirSync(`${of}/fd`).flatMap((fd) => linkOf(`${of}/fd/${fd}`));
  // The last column of the kernel's list is the inode by which a descriptor names its socket.
  const netlink = readFileSync(`${of}/net/netlink`, "utf8").matchAll(/(\d+)\s*$/gm);
  const sockets = new Set(Array.from(netlink, ([, inode]) => `socket:[${inode}]`));
  return {
    privateKb: kb("Private_Dirty"),
    residentKb: kb("Rss"),
    descriptors: descriptors.length,
    netlinkSockets: descriptors.filter((descriptor) => sockets.has(descriptor)).length,
    threads: readdirSync(`${of}/task`).length,
  };
}

/** Nothing for one that was closed meanwhile. */
function linkOf(path: string): string[] {
  try {
    return [readlinkSync(path)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function describe({ privateKb, residentKb, descriptors, netlinkSockets, threads }: Holdings): string {
  return `${privateKb} kB private, ${residentKb} kB resident, ${descriptors} descriptors, ${netlinkSockets} netlink sockets, ${threads} threads`;
}
