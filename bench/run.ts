import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildBinary } from "../tasks/build.ts";
import { setUp } from "../tasks/setup.ts";
import { runInLab } from "../test/kernel/harness/labs.ts";
import { GUEST_PACKAGES, installMissingPackages } from "../test/kernel/harness/packages.ts";
import { machineFacts } from "./support/machine-facts.ts";
import { linesOf } from "../test/kernel/support/line-process.ts";
import { isReport, readReport } from "./support/measures.ts";
import { resultTable, writeResult, writeSummary, type Described } from "./support/results.ts";

const USAGE = `Measures LVScare beside its peers and prints tables.

  bun run bench all [flags]        every bench but fuzz and loss, two hours and more
  bun run bench <name…> [flags]    some of them

flags
  --in <lab>       of the labs that a bench runs in, this one; "here" is this machine itself
  --write          keep the results: bench/results/<name>.<lab>.json and bench/RESULTS.md
  --quick          fewer rounds: to see that a bench runs, not to believe its numbers
  --third <path>   in failover, another program with LVScare's flags, such as a build of the Go program
  --only <word>    in probe, the kinds of check with this word in their name: tcp, http (HTTP_GET), exec …;
                   in fuzz, the readers with it: "API server", kubeconfigs, agent …
                   in cluster, the faults: kill, shutdown, hang, cut, etcd
`;

interface Bench extends Described {
  readonly peers: readonly string[];
  readonly isExtra?: true;
}

/** Where IPVS is needed and what is compared is the kernel's work as much as ours: each lab distorts another of them. */
const BOTH_LABS = ["uml", "qemu"];

const BENCHES: Readonly<Record<string, Bench>> = {
  failover: {
    where: BOTH_LABS,
    about: "from a fault to the last client that feels it; the peer is keepalived, both check each second",
    why:
      "what a server answers over a kept connection is asked once more over a new one before it counts, so that one which answers 500 is found some 30 ms " +
      "later than by the peer on emulated processors. A kill takes 25 to 40 ms, as the machine is fast or slow: a third is the emulated kernel's and the " +
      "event loop's, the rest code that runs too seldom to be compiled.",
    peers: ["keepalived"],
  },
  idle: {
    where: BOTH_LABS,
    about:
      "checking healthy servers each second, ten thousand every five, and all of them dead and back at once; the peer is keepalived",
    why:
      "a check over a kept connection is a request written, an answer read and a few timers; what remains is the runtime's price for each, and with a " +
      "hundred of them a second each waking of the process serves a few only. Every tenth makes a new connection, which costs several times as much, most of " +
      "it in the kernel. Of the memory, 11 MB are the runtime and the program whatever they do. A thousand real servers have 7 MB of live objects (machines, " +
      "checks, connections), beside 5 MB of code, and the collector lets garbage grow to twice as much as lives before it runs. Ten thousand every five " +
      "seconds are too many for emulated processors: a quarter of those checks take new connections, since none goes without for longer than 20 s.",
    peers: ["keepalived"],
  },
  config: {
    where: ["uml"],
    about: "a thousand virtual servers with ten real servers each, from one file; the peer is keepalived",
    why:
      "each real server has a machine of its own, whose start takes 0.1 ms natively and some 2 KB, with its check and its place in the garbage that the " +
      "collector lets grow; each virtual server has three. A page of memory that is touched for the first time takes some 57 µs in user-mode Linux, half of the start. Looks " +
      "compare the kernel's own list of all of them, and whole entries every half a minute; what all need to know of the host is read once: both helped, and not enough. " +
      "The rest would take real servers without an actor of their own for as long as they are well. Ours checks each real server before it serves, the " +
      "peer takes all for healthy at its start. check-config is the start of the program, above all where system calls are slow.",
    peers: ["keepalived"],
  },
  scale: {
    where: ["here"],
    about: "ten thousand servers, each checked every five seconds, and all of them dead and back at once",
    peers: [],
  },
  netlink: { where: ["qemu"], about: "writes to the kernel's table; the peer is ipvsadm", peers: ["ipvsadm"] },
  probe: {
    where: ["here"],
    about:
      "one probe, as fast as one core can; then what a check of a daemon with a thousand servers costs a node in a kernel of its own (user-mode Linux; a program also in QEMU), packets included, beside keepalived's of the same kind",
    why:
      "a check over a new connection takes some thirty system calls of the daemon, most of them the runtime's own: it sets four flags of each socket, and looks at the clock " +
      "a dozen times, which is a system call in user-mode Linux alone. A program is started by `vfork`, which leaves the daemon's memory alone; user-mode Linux maps all of " +
      "that anew for the child.",
    peers: ["keepalived"],
  },
  proxy: { where: ["here"], about: "the userspace data plane; the peer is HAProxy in TCP mode", peers: ["haproxy"] },
  startup: {
    where: ["here", ...BOTH_LABS],
    about: "from the command to its effect; the peer is a compiled program that does nothing",
    why: "until its first plan stands the daemon runs some 700 of its functions, most of them once; each is decoded and linked for that, which takes some 15 µs.",
    peers: [],
  },
  cluster: {
    where: ["here"],
    about:
      "nodes beside a real etcd and three real API servers, each node in a kernel of its own (user-mode Linux), one with keepalived and two with ours; all check each second, and then as each does by itself: keepalived once a minute. The peer is keepalived",
    peers: ["keepalived"],
    isExtra: true,
  },
  soak: { where: ["here"], about: "a million checks and what the daemon holds after them", peers: [] },
  fuzz: {
    where: ["here"],
    about: "a million inputs for each reader of what others wrote; the first that breaks one ends it",
    peers: [],
    isExtra: true,
  },
  loss: { where: ["qemu"], about: "ten minutes on a line that loses packets", peers: [], isExtra: true },
};

const PEERS = [
  { name: "keepalived", file: "/usr/sbin/keepalived" },
  { name: "haproxy", file: "/usr/sbin/haproxy" },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    third: { type: "string" },
    only: { type: "string" },
    in: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
const names = positionals.flatMap((name) =>
  name === "all"
    ? Object.keys(BENCHES).filter((one) => BENCHES[one]?.isExtra !== true && placesOf(one).length > 0)
    : [name],
);
const unknown = names.find((name) => BENCHES[name] === undefined);
const nowhere = names.find((name) => BENCHES[name] !== undefined && placesOf(name).length === 0);
if (nowhere !== undefined) {
  process.stderr.write(
    `bench ${nowhere} does not run in ${values.in}: it runs in ${BENCHES[nowhere]?.where.join(", ")}\n`,
  );
  process.exit(2);
}
if (values.help || names.length === 0 || unknown !== undefined) {
  if (unknown !== undefined) process.stderr.write(`there is no bench ${unknown}\n\n`);
  process.stdout.write(`${USAGE}\nbenches: ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(values.help ? 0 : 2);
}

await setUp();
await installMissingPackages(GUEST_PACKAGES);
await installMissingPackages(PEERS);
await buildBinary();
const settings = [
  ...(values.quick ? ["--quick"] : []),
  ...(values.third === undefined ? [] : ["--third", values.third]),
  ...(values.only === undefined ? [] : ["--only", values.only]),
];
const failed: string[] = [];
for (const name of names) {
  for (const where of placesOf(name)) {
    try {
      await measure(name, where);
    } catch (error) {
      // The others still have something to tell.
      failed.push(name);
      process.stderr.write(`bench ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}
process.exit(failed.length === 0 ? 0 : 1);

// --- internal ---

function placesOf(name: string): readonly string[] {
  const { where = [] } = BENCHES[name] ?? {};
  return values.in === undefined ? where : where.filter((place) => place === values.in);
}

async function measure(name: string, where: string): Promise<void> {
  const { peers = [] } = BENCHES[name] ?? {};
  process.stderr.write(`bench ${name}, ${where}…\n`);
  const startedMs = performance.now();
  const output = await (where === "here" ? here(name) : inLab(name, where));
  const seconds = (performance.now() - startedMs) / 1000;
  const told = readReport(output);
  if (told === undefined) throw new Error(`it came to no result:\n${output}`);
  const { system, measures } = told;
  process.stdout.write(`## ${name}, ${where}, ${Math.round(seconds)} s\n\n${resultTable(measures)}\n\n`);
  if (!values.write) return;
  const date = new Date().toISOString().slice(0, 10);
  await writeResult(name, {
    date,
    machine: machineFacts(where, peers, system),
    seconds,
    isQuick: values.quick,
    measures,
  });
  await writeSummary(BENCHES);
}

async function here(name: string): Promise<string> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, `${name}.ts`), ...settings], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  let output = "";
  for await (const line of linesOf(child.stdout)) {
    output += `${line}\n`;
    // What it found so far, on the way: some take half an hour.
    if (!isReport(line)) process.stderr.write(`${line}\n`);
  }
  if ((await child.exited) !== 0) throw new Error(`it failed:\n${output}`);
  return output;
}

async function inLab(name: string, lab: string): Promise<string> {
  let output = "";
  const { exitCode } = await runInLab(lab, {
    command: ["bun", `./bench/${name}.ts`, ...settings],
    cwd: join(import.meta.dir, ".."),
    timeoutMs: 3_000_000,
    cpus: Math.min(4, cpus().length),
    stdout: (chunk) => void (output += new TextDecoder().decode(chunk)),
  });
  if (exitCode !== 0) throw new Error(`it failed:\n${output}`);
  return output;
}
