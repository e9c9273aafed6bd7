import { mkdir } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { buildBinary } from "../tasks/build.ts";
import { runInVm } from "../test/kernel/harness/machine.ts";
import { installMissingPackages } from "../test/kernel/harness/packages.ts";
import { readReport, type Measure } from "./support/measures.ts";

// bun run bench [name…]: runs benches, prints what they measured, and keeps the last result of each in bench/.

const BENCHES: Readonly<Record<string, { readonly where: "vm" | "here"; readonly about: string }>> = {
  failover: {
    where: "vm",
    about: "from a fault to the last client that feels it; the peer is keepalived, both check each second",
  },
  fuzz: {
    where: "here",
    about: "a million inputs for each reader of what others wrote; the first that breaks one ends it",
  },
  idle: { where: "vm", about: "checking healthy servers each second; the peer is keepalived" },
  netlink: { where: "vm", about: "writes to the kernel's table; the peer is ipvsadm" },
  probe: { where: "here", about: "one probe, as fast as one core can" },
  proxy: { where: "here", about: "the userspace data plane; the peer is HAProxy in TCP mode" },
  soak: {
    where: "here",
    about:
      "an hour's worth of checks in minutes, of a hundred servers that go up and down; what the daemon holds more by it",
  },
  startup: { where: "here", about: "from the command to its effect; the peer is a compiled program that does nothing" },
};
const PEERS = [
  { name: "keepalived", file: "/usr/sbin/keepalived" },
  { name: "haproxy", file: "/usr/sbin/haproxy" },
];

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHES);
const unknown = names.find((name) => BENCHES[name] === undefined);
if (unknown !== undefined) {
  console.error(`there is no bench ${unknown}; there are ${Object.keys(BENCHES).join(", ")}`);
  process.exit(1);
}
await installMissingPackages(PEERS);
await buildBinary();
await mkdir(join(import.meta.dir, "results"), { recursive: true });
for (const name of names) {
  const { where = "here" } = BENCHES[name] ?? {};
  console.error(`bench ${name}…`);
  const measures = readReport(await (where === "vm" ? inVm(name) : here(name)));
  if (measures === undefined) throw new Error(`bench ${name} came to no result`);
  const result = { date: new Date().toISOString().slice(0, 10), machine: machine(where), measures };
  await Bun.write(join(import.meta.dir, "results", `${name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
  console.log(table(name, result));
}
await Bun.write(join(import.meta.dir, "RESULTS.md"), await allResults());
process.exit(0);

// --- internal ---

interface Result {
  readonly date: string;
  readonly machine: string;
  readonly measures: readonly Measure[];
}

async function here(name: string): Promise<string> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, `${name}.ts`)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`bench ${name} failed:\n${output}`);
  return output;
}

async function inVm(name: string): Promise<string> {
  let output = "";
  const { exitCode } = await runInVm({
    command: ["bun", `./bench/${name}.ts`],
    cwd: join(import.meta.dir, ".."),
    timeoutMs: 1_800_000,
    cpus: Math.min(4, cpus().length),
    stdout: (chunk) => void (output += new TextDecoder().decode(chunk)),
  });
  if (exitCode !== 0) throw new Error(`bench ${name} failed:\n${output}`);
  return output;
}

function machine(where: "vm" | "here"): string {
  const [first] = cpus();
  const host = `${cpus().length} × ${first?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Bun ${Bun.version}`;
  return where === "here" ? host : `the test VM (QEMU, processors emulated in software) on ${host}`;
}

async function allResults(): Promise<string> {
  const parts = [
    "# Benchmarks",
    "",
    "The last run of each: `bun run bench [name…]`. Ours and the peer take turns in one run; compare them with each other only, above all where processors are emulated.",
    "",
  ];
  for (const [name, { about }] of Object.entries(BENCHES)) {
    const file = Bun.file(join(import.meta.dir, "results", `${name}.json`));
    if (!(await file.exists())) continue;
    const result = (await file.json()) as Result;
    parts.push(
      `## ${name}`,
      "",
      `${about[0]?.toUpperCase()}${about.slice(1)}. ${result.date}, ${result.machine}.`,
      "",
      table(name, result),
      "",
    );
  }
  return parts.join("\n");
}

function table(_: string, { measures }: Result): string {
  const rows = measures.map(({ what, unit, ours, peer, goal, isMet }) => {
    const verdict = goal === undefined ? "" : `${goal}: ${isMet === true ? "reached" : "**missed**"}`;
    return `| ${what} | ${number(ours)} ${unit} | ${peer === undefined ? "" : `${number(peer)} ${unit}`} | ${verdict} |`;
  });
  return ["| measure | ours | peer | goal |", "|---|---|---|---|", ...rows].join("\n");
}

function number(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
