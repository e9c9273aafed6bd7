import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, report } from "./support/measures.ts";
import { SETTINGS } from "./support/settings.ts";
import { memory } from "./support/process-cost.ts";

// Bytes and connections through the userspace data plane and through HAProxy, in turns. On this machine, on loopback.

const SLOW_READERS = SETTINGS.isQuick ? 100 : 1000;
const ROUNDS = SETTINGS.isQuick ? 1 : 5;
const LVSCARE = `${import.meta.dir}/../dist/lvscare`;
const [VS, PEER, SERVER] = ["127.78.0.2:18093", "127.78.0.3:18093", "127.78.0.4:18093"] as const;
const folder = await mkdtemp(join(tmpdir(), "lvscare-proxy-"));
await Bun.write(
  join(folder, "haproxy.cfg"),
  `global
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen bench
  bind ${PEER}
  balance roundrobin
  server one ${SERVER} check inter 1s
`,
);
const env = { ...process.env, XDG_RUNTIME_DIR: folder };
const spawn = (...argv: readonly string[]) => {
  const child = Bun.spawn([...argv], { env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  // Also when this bench breaks: the next one needs the addresses.
  process.on("exit", () => child.kill());
  return child;
};
const source = spawn(process.execPath, `${import.meta.dir}/support/source-process.ts`, SERVER);
await untilServed(SERVER);
const care = spawn(
  LVSCARE,
  "care",
  ..."--data-plane userspace --mode none --health-schem http --health-path /".split(" "),
  "--vs",
  VS,
  "--rs",
  SERVER,
);
const haproxy = spawn("haproxy", "-db", "-f", join(folder, "haproxy.cfg"));
await Promise.all([untilServed(VS), untilServed(PEER)]);

const load = async (target: string, what: "bytes" | "connections" | "latency"): Promise<number> => {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/support/load-process.ts`, target, what], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  return Number(await child.stdout.text());
};
const results: Record<string, number[]> = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const what of ["bytes", "connections", "latency"] as const) {
    for (const [name, target] of [
      ["ours", VS],
      ["peer", PEER],
      ["direct", SERVER],
    ] as const) {
      (results[`${what} ${name}`] ??= []).push(await load(target, what));
    }
  }
}
const of = (what: string): number => median(results[what] ?? []);
const held = { ours: memory(care.pid), peer: memory(haproxy.pid) };
const perConnection = {
  ours: await memoryPerConnection(care.pid, VS),
  peer: await memoryPerConnection(haproxy.pid, PEER),
};
const slowReaders = {
  ours: await memoryOfSlowReaders(care.pid, VS),
  peer: await memoryOfSlowReaders(haproxy.pid, PEER),
};
for (const child of [care, haproxy, source]) child.kill();
await rm(folder, { recursive: true });
report([
  {
    what: "throughput of 4 connections",
    unit: "Gbit/s",
    ours: of("bytes ours"),
    peer: of("bytes peer"),
    goal: "0.7 of the peer's",
    isMet: of("bytes ours") >= 0.7 * of("bytes peer"),
  },
  {
    what: "new connections, 16 at a time",
    unit: "1/s",
    ours: of("connections ours"),
    peer: of("connections peer"),
    goal: "0.5 of the peer's",
    isMet: of("connections ours") >= 0.5 * of("connections peer"),
  },
  {
    what: "latency that it adds to a request",
    unit: "µs",
    ours: of("latency ours") - of("latency direct"),
    peer: of("latency peer") - of("latency direct"),
  },
  { what: "private memory", unit: "MB", ours: held.ours.privateMb, peer: held.peer.privateMb },
  {
    what: "private memory for each of 1000 open connections",
    unit: "kB",
    ours: perConnection.ours,
    peer: perConnection.peer,
  },
  {
    what: `private memory with ${SLOW_READERS} clients that stopped reading`,
    unit: "MB",
    ours: slowReaders.ours,
    peer: slowReaders.peer,
    goal: "under 100 MB",
    isMet: slowReaders.ours < 100,
  },
]);
process.exit(0);

// --- internal ---

async function untilServed(target: string): Promise<void> {
  const isServed = (): Promise<boolean> =>
    fetch(`http://${target}/`, { keepalive: false }).then(
      ({ ok }) => ok,
      () => false,
    );
  for (let attempt = 0; !(await isServed()); attempt++) {
    if (attempt === 300) throw new Error(`nobody answers at ${target}`);
    await Bun.sleep(100);
  }
}

async function memoryPerConnection(pid: number, target: string): Promise<number> {
  const [hostname = "", port = ""] = target.split(":");
  const before = memory(pid).privateMb;
  const sockets = await Promise.all(
    Array.from({ length: 1000 }, () =>
      Bun.connect({ hostname, port: Number(port), socket: { data: () => undefined } }),
    ),
  );
  await Bun.sleep(1000);
  const after = memory(pid).privateMb;
  for (const socket of sockets) socket.terminate();
  return ((after - before) * 1024) / sockets.length;
}

/** Of clients that read a little of an endless answer, and then nothing: once all have, and nothing moves any more. */
async function memoryOfSlowReaders(pid: number, target: string): Promise<number> {
  const [hostname = "", port = ""] = target.split(":");
  const ENOUGH = 200_000;
  const sockets: Bun.Socket<{ received: number }>[] = [];
  for (let count = 0; count < SLOW_READERS; count++) {
    const socket = await Bun.connect<{ received: number }>({
      hostname,
      port: Number(port),
      data: { received: 0 },
      socket: {
        open: (opened) => void opened.write("GET /bytes HTTP/1.1\r\n\r\n"),
        data(reader, chunk) {
          reader.data.received += chunk.length;
          if (reader.data.received >= ENOUGH) reader.pause();
        },
      },
    });
    sockets.push(socket);
  }
  const deadlineMs = performance.now() + 120_000;
  while (sockets.some(({ data }) => data.received < ENOUGH) && performance.now() < deadlineMs) await Bun.sleep(100);
  await Bun.sleep(10_000);
  const { privateMb } = memory(pid);
  for (const socket of sockets) socket.terminate();
  return privateMb;
}
