import { setTimeout as pause } from "node:timers/promises";
import type { RealServerStatus, VirtualServerStatus } from "../../src/domain/status.ts";
import { openInBrowser } from "./browser.ts";
import { answering, askOnce, tallyOf } from "./clients.ts";
import { missingForKernel } from "./in-kernel.ts";
import { say, show } from "./screen.ts";
import { Stage } from "./stage.ts";

/** Loopback addresses only, so that nothing but this machine can see the demonstration. */
const VIRTUAL_IP = "127.77.0.1";
const ECHO_IP = "127.77.0.2";
const NAMES = ["echo-1", "echo-2", "echo-3"] as const;
type Name = (typeof NAMES)[number];
/** For one step; most take a second. It also goes through an emulated kernel on a busy machine. */
const PATIENCE_MS = 90_000;

/** Plays it to the end, or to the first Ctrl-C; either way nothing of it stays behind. With the page it goes on until that. */
export async function playDemo({ hasPage }: { readonly hasPage: boolean }): Promise<number> {
  const interruption = new AbortController();
  using reserved = reservePorts(NAMES.length + 2);
  const scene = sceneOf(reserved.ports, hasPage);
  const stage = new Stage(configurationOf(scene), interruption.signal);
  const interrupt = (): void => interruption.abort();
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt).on("SIGHUP", interrupt);
  // A reader that went away (`| head`) wants no more of it either.
  process.stdout.on("error", interrupt);
  let isPlayed = false;
  try {
    const { dataPlane } = await play(stage, scene);
    if (scene.page !== undefined) await playOn(stage, scene);
    say(WHO_MOVED[dataPlane.kind]);
    isPlayed = true;
    return 0;
  } catch (error) {
    // What goes on until Ctrl-C is whole with that.
    if (interruption.signal.aborted) return hasPage ? 0 : 130;
    say(`The demonstration failed: ${String(error)}. The daemon's log:\n\n${stage.log}`);
    return 1;
  } finally {
    await stage.clear();
    say("Cleaned up: nothing of this demonstration is left.");
    if (isPlayed) say(nextSteps());
  }
}

// --- internal ---

interface Scene {
  readonly url: string;
  readonly port: number;
  /** Where each echo server listens. */
  readonly echoes: ReadonlyMap<Name, string>;
  /** Where the daemon shows it. */
  readonly page: string | undefined;
}

function sceneOf([port = 0, pagePort = 0, ...echoPorts]: readonly number[], hasPage: boolean): Scene {
  return {
    port,
    url: `http://${VIRTUAL_IP}:${port}/`,
    echoes: new Map(NAMES.map((name, at) => [name, `${ECHO_IP}:${echoPorts[at] ?? 0}`])),
    page: hasPage ? `http://${VIRTUAL_IP}:${pagePort}/` : undefined,
  };
}

function configurationOf({ port, echoes, page }: Scene): unknown {
  return {
    version: 1,
    ...(page !== undefined && { "http-listen": new URL(page).host }),
    "virtual-servers": [
      {
        name: "demo",
        address: `${VIRTUAL_IP}:${port}`,
        mode: "none",
        // A try of the way takes a turn, and who gets how many requests is what is shown.
        "check-way": false,
        interval: "1s",
        probe: { type: "http", scheme: "http", path: "/" },
        "real-servers": [...echoes].map(([name, address]) => ({ name, address })),
      },
    ],
  };
}

async function play(stage: Stage, scene: Scene): Promise<VirtualServerStatus> {
  const { url, echoes, page } = scene;
  const { interruption } = stage;
  say(`*Three echo servers behind one address*, ${url}, in LVScare's care.`);
  for (const [name, address] of echoes) stage.startEcho(name, address);
  await Promise.all([...echoes.values()].map((address) => answering(`http://${address}/`, PATIENCE_MS, interruption)));
  const care = stage.startCare();
  // Healthy is what a check found; a moment later it stands in the table, and only then is it served.
  const started = await until(stage, care, (status) => status.realServers.every(({ weight }) => weight === 1));
  if (page !== undefined) {
    const opened = openInBrowser(page, process.env) ? " (your browser opens it)" : "";
    say(`*Its page:* ${page}${opened}`);
  }
  const requests = async (): Promise<void> => say(`   12 requests: ${await tallyOf(url, 12, interruption)}`);

  say("\n*1. All three pass their checks:* each gets its share.");
  show(started);
  await requests();

  say("\n*2. echo-2 is killed.* Its next check fails, and it gets no new clients.");
  await stage.kill("echo-2", "SIGKILL");
  show(await untilDrained(stage, care, "echo-2"), "echo-2");

  say("*3. The check after that fails, too:* it is out, and the others share its part.");
  show(await until(stage, care, weightOf("echo-2", undefined)), "echo-2");
  await requests();

  say("\n*4. echo-2 is started again.* With its first good check it is back.");
  stage.startEcho("echo-2", echoes.get("echo-2") ?? "");
  const last = await until(stage, care, weightOf("echo-2", 1));
  show(last, "echo-2");
  await requests();
  say("");
  return last;
}

/** Something to look at, until Ctrl-C: clients ask, and one after the other dies and comes back. */
async function playOn(stage: Stage, { url, echoes, page }: Scene): Promise<void> {
  const { interruption } = stage;
  say(`*It goes on until Ctrl-C:* clients ask ten times a second, and one server after the other dies and comes back.`);
  say(`In a browser: ${page}`);
  say(`In another terminal, in this folder: ${stage.command} status --watch\n`);
  const clients = (async () => {
    while (!interruption.aborted) {
      await askOnce(url, interruption).catch(() => undefined);
      await pause(100, undefined, { signal: interruption }).catch(() => undefined);
    }
  })();
  try {
    for (let round = 0; ; round++) {
      const name = NAMES[round % NAMES.length] ?? "echo-1";
      await pause(5000, undefined, { signal: interruption });
      say(`${name} is killed`);
      await stage.kill(name, "SIGKILL");
      await pause(5000, undefined, { signal: interruption });
      say(`${name} is started again`);
      stage.startEcho(name, echoes.get(name) ?? "");
    }
  } finally {
    await clients;
  }
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
  throw new Error("it took too long");
}

/** It stays so until its next check, a second at most: if this process was held up for longer, by what the daemon remembers. */
async function untilDrained(stage: Stage, care: Bun.Subprocess, name: Name): Promise<VirtualServerStatus> {
  const isDrained = weightOf(name, 0);
  const isOut = weightOf(name, undefined);
  const status = await until(stage, care, (now) => isDrained(now) || isOut(now));
  if (isDrained(status)) return status;
  const events = await stage.events();
  const realServers = status.realServers.map((server): RealServerStatus => {
    const { verdict, at } =
      events.findLast((event) => event.server === server.address && event.to === "draining") ?? {};
    if (server.name !== name || verdict === undefined || at === undefined) return server;
    return { ...server, state: "draining", weight: 0, lastVerdict: { ...verdict, at } };
  });
  return { ...status, realServers };
}

function weightOf(name: Name, weight: number | undefined): (status: VirtualServerStatus) => boolean {
  const find = ({ realServers }: VirtualServerStatus): RealServerStatus | undefined =>
    realServers.find((server) => server.name === name);
  return (status) => find(status) !== undefined && find(status)?.weight === weight;
}

const WHO_MOVED: Readonly<Record<VirtualServerStatus["dataPlane"]["kind"], string>> = {
  ipvs: "IPVS in the kernel moved the packets.",
  userspace: "LVScare moved the bytes itself: this kernel has no IPVS, or this user may not change it.",
};

function nextSteps(): string {
  // As it was started itself: who has no Bun starts it by npx.
  const isByNpx = process.env["npm_config_user_agent"]?.startsWith("npm/") === true;
  const run = isByNpx ? `npx --yes bun@${Bun.version} run demo` : "bun run demo";
  const missing = missingForKernel();
  const needs = missing.length === 0 ? "" : ` (needs apt-get install ${missing.join(" ")})`;
  const steps = [
    [`${run} --page`, "watch it in the browser, until Ctrl-C"],
    [`${run} --kernel`, `the same with IPVS in any case, in user-mode Linux${needs}`],
    ["docs/getting-started.md", "your own servers, in three steps"],
  ] as const;
  const width = Math.max(...steps.map(([what]) => what.length));
  return ["\n*Next:*", ...steps.map(([what, about]) => `  ${what.padEnd(width)}   ${about}`)].join("\n");
}

/** Ports that nobody else is given for as long as this lasts, though they are taken at other addresses than this one. */
function reservePorts(count: number): Disposable & { readonly ports: readonly number[] } {
  const listeners = Array.from({ length: count }, () =>
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } }),
  );
  return {
    ports: listeners.map(({ port }) => port),
    [Symbol.dispose]: () => {
      for (const listener of listeners) listener.stop(true);
    },
  };
}
