import type { RealServerStatus, VirtualServerStatus } from "../../src/domain/status.ts";
import { createPaint, wantsColour } from "../../src/cli/colour.ts";
import { renderStatus } from "../../src/cli/status-table.ts";
import { Stage } from "./stage.ts";

/** Loopback addresses only, so that nothing but this machine can see the demonstration. */
const VIRTUAL_IP = "127.77.0.1";
const NAMES = ["echo-1", "echo-2", "echo-3"] as const;
/** For one step, on a machine that is slow or busy; most take a second. */
const PATIENCE_MS = 25_000;

/** Plays it to the end, or to the first Ctrl-C; either way nothing of it stays behind. */
export async function playDemo(): Promise<number> {
  const ports = freePorts(NAMES.length + 1);
  const interruption = new AbortController();
  const stage = new Stage(`${VIRTUAL_IP}:${ports[0]}`, interruption.signal);
  const interrupt = (): void => interruption.abort();
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt).on("SIGHUP", interrupt);
  // A reader that went away (`| head`) wants no more of it either.
  process.stdout.on("error", interrupt);
  try {
    await play(stage, ports);
    return 0;
  } catch (error) {
    if (interruption.signal.aborted) return 130;
    say(`the demonstration failed: ${String(error)}`);
    return 1;
  } finally {
    await stage.clear();
    say("Cleaned up: nothing of this demonstration is left.");
  }
}

// --- internal ---

async function play(stage: Stage, [port = 0, ...echoPorts]: readonly number[]): Promise<void> {
  const url = `http://${VIRTUAL_IP}:${port}/`;
  const servers = echoPorts.map((echoPort) => `127.0.0.1:${echoPort}`);
  const [, second = ""] = servers;

  say(`Three echo servers start, and lvscare cares for ${VIRTUAL_IP}:${port} in front of them.`);
  for (const [index, name] of NAMES.entries()) stage.startEcho(name, echoPorts[index] ?? 0);
  await Promise.all(servers.map((server) => answering(server, stage.interruption)));
  const care = stage.startCare([
    ...servers.flatMap((server) => ["--rs", server]),
    "--interval=1",
    "--health-schem=http",
    "--health-path=/",
    "--mode=",
  ]);
  // Healthy is what a check found; a moment later it stands in the table, and only then is it served.
  const started = await until(stage, care, (status) => status.realServers.every(({ weight }) => weight === 1));
  const { kind, because } = started.dataPlane;
  say(
    kind === "ipvs"
      ? "The kernel's IPVS moves the packets."
      : `The userspace data plane moves the bytes, since ${because}.`,
  );
  show(started);
  await sendRequests(url, stage.interruption);

  say(`Killing ${NAMES[1]} (${second}): weight 0 at the next failed check …`);
  await stage.kill(NAMES[1], "SIGKILL");
  show(await until(stage, care, (status) => find(status, second)?.weight === 0));

  say("… and removed at the one after.");
  show(await until(stage, care, (status) => find(status, second)?.weight === undefined));
  await sendRequests(url, stage.interruption);

  say(`Starting ${NAMES[1]} again: it comes back with its first good check.`);
  stage.startEcho(NAMES[1], echoPorts[1] ?? 0);
  show(await until(stage, care, (status) => find(status, second)?.weight === 1));
  await sendRequests(url, stage.interruption);
}

/** Asks the daemon until the condition holds; fails when it ends or time is up. */
async function until(
  stage: Stage,
  care: Bun.Subprocess,
  condition: (status: VirtualServerStatus) => boolean,
): Promise<VirtualServerStatus> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    stage.interruption.throwIfAborted();
    const status = await stage.status();
    if (status !== undefined && condition(status)) return status;
    if (care.exitCode !== null) throw new Error(`lvscare ended with exit code ${care.exitCode}`);
    if (care.signalCode !== null) throw new Error(`lvscare was ended by ${care.signalCode}`);
    await Bun.sleep(50);
  }
  throw new Error("it took too long; see the log above");
}

/** Resolves when the server answers: its process needs a moment to start. */
async function answering(server: string, interruption: AbortSignal): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    interruption.throwIfAborted();
    const answer = await fetch(`http://${server}/`, { proxy: "", signal: interruption }).catch(() => undefined);
    if (answer !== undefined) return void (await answer.text());
    await Bun.sleep(20);
  }
  throw new Error(`the echo server ${server} did not start`);
}

async function sendRequests(url: string, signal: AbortSignal): Promise<void> {
  const tally = new Map<string, number>();
  for (let count = 0; count < 12; count++) {
    const response = await fetch(url, { keepalive: false, headers: { connection: "close" }, proxy: "", signal });
    const name = (await response.text()).trim();
    tally.set(name, (tally.get(name) ?? 0) + 1);
  }
  const shares = [...tally].toSorted().map(([name, count]) => `${name} ${count}`);
  say(`12 requests to ${url} were answered by: ${shares.join(", ")}.`);
}

function show(status: VirtualServerStatus): void {
  const colour = wantsColour(process.stdout.isTTY, process.env);
  const view = { now: new Date(), width: process.stdout.columns || 100, paint: createPaint(colour) };
  process.stdout.write(`\n${renderStatus({ source: "daemons", notes: [], virtualServers: [status] }, view)}`);
}

function find(status: VirtualServerStatus, address: string): RealServerStatus | undefined {
  return status.realServers.find((server) => server.address === address);
}

/** Ports that were free a moment ago. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () =>
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } }),
  );
  const ports = listeners.map(({ port }) => port);
  for (const listener of listeners) listener.stop(true);
  return ports;
}

function say(text: string): void {
  process.stdout.write(`\n=> ${text}\n`);
}
