import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../test/kernel/harness/run-command.ts";
import { median, report } from "./support/measures.ts";
import { SETTINGS } from "./support/settings.ts";

// From the command to its effect, against a compiled program that does nothing. On this machine or in a lab.

const ROUNDS = SETTINGS.isQuick ? 5 : 25;
const LVSCARE = `${import.meta.dir}/../dist/lvscare`;
const folder = await mkdtemp(join(tmpdir(), "lvscare-startup-"));
const bare = join(folder, "bare");
await Bun.write(join(folder, "bare.ts"), "export {};\n");
await runCommand(
  [
    process.execPath,
    "build",
    "--compile",
    "--minify",
    "--bytecode",
    "--format=esm",
    `--outfile=${bare}`,
    join(folder, "bare.ts"),
  ],
  {
    timeoutMs: 60_000,
  },
);
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") });
const VS = "127.78.0.1:18092";
const flags = `--vs ${VS} --rs 127.0.0.1:${server.port} --data-plane userspace --mode none --health-schem http --health-path /`;
const env = { ...process.env, XDG_RUNTIME_DIR: folder };

const times = {
  bare: [] as number[],
  version: [] as number[],
  plan: [] as number[],
  served: [] as number[],
  status: [] as number[],
};
for (let round = 0; round < ROUNDS; round++) {
  times.bare.push(await timeOf([bare]));
  times.version.push(await timeOf([LVSCARE, "version"]));
  const startedMs = performance.now();
  const care = Bun.spawn([LVSCARE, "care", ...flags.split(" ")], {
    env,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  // The first plan makes the virtual server, and the first good check enters the real server. Before either, the daemon finds out whether
  // it may listen there: that is over again within a millisecond.
  times.plan.push(await timeUntil(accepts, care, startedMs, 3));
  times.served.push(await timeUntil(answers, care, startedMs));
  times.status.push(await timeOf([LVSCARE, "status", "--vs", VS]));
  care.kill();
  await care.exited;
}
await server.stop(true);
await rm(folder, { recursive: true });
const [nothing, version, plan, served, status] = [
  median(times.bare),
  median(times.version),
  median(times.plan),
  median(times.served),
  median(times.status),
];
report([
  {
    what: "lvscare version, against a compiled program that does nothing",
    unit: "ms",
    ours: version,
    peer: nothing,
    goal: "1.5 times",
    isMet: version <= 1.5 * nothing,
  },
  {
    what: "first plan applied: the virtual server takes connections",
    unit: "ms",
    ours: plan,
    peer: nothing,
    goal: "4 times",
    isMet: plan <= 4 * nothing,
  },
  { what: "the first client is served", unit: "ms", ours: served },
  { what: "lvscare status, start to end", unit: "ms", ours: status },
]);
process.exit(0);

// --- internal ---

async function timeOf(command: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  const child = Bun.spawn([...command], { env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  await child.exited;
  return performance.now() - startedMs;
}

/** From the start until it holds for so long: asked again and again without a pause. */
async function timeUntil(
  holds: () => Promise<boolean>,
  care: { readonly exitCode: number | null },
  startedMs: number,
  forMs = 0,
): Promise<number> {
  for (let sinceMs: number | undefined; ;) {
    if (!(await holds())) sinceMs = undefined;
    else {
      const nowMs = performance.now();
      sinceMs ??= nowMs;
      if (nowMs - sinceMs >= forMs) return sinceMs - startedMs;
    }
    if (care.exitCode !== null)
      throw new Error(`the daemon ended with ${care.exitCode}: does another one care for ${VS}?`);
  }
}

function accepts(): Promise<boolean> {
  const [hostname = "", port] = VS.split(":");
  const closing = { open: (socket: Bun.Socket) => void socket.terminate(), data: () => undefined };
  return Bun.connect({ hostname, port: Number(port), socket: closing }).then(
    () => true,
    () => false,
  );
}

function answers(): Promise<boolean> {
  return fetch(`http://${VS}/`, { keepalive: false }).then(
    (response) => response.ok,
    () => false,
  );
}
