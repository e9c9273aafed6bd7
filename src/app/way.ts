import { createActor, type SnapshotFrom } from "xstate";
import type { ReachMachine } from "../actors/reach-machine.ts";
import type { WayActor, WayMachine } from "../actors/way-machine.ts";
import type { DaemonActor } from "../actors/daemon-machine.ts";
import type { Finding } from "../domain/finding.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import type { VirtualServer } from "../domain/virtual-server.ts";
import type { WayReading } from "../domain/way.ts";
import { tcpConnect } from "./doctor/tcp-connect.ts";

/** Watches whether clients of this host get through the virtual server that this daemon cares for, until it ends. */
export function watchWay(
  machine: WayMachine,
  daemon: DaemonActor,
  service: VirtualServer,
  status: () => Promise<VirtualServerStatus>,
  now: () => number,
): WayActor {
  const way = createActor(machine, { input: { tryWay: () => tryWay(service, status), now } });
  way.start();
  const { virtualServer, reach } = daemon.getSnapshot().children;
  // What leads there is set up after the virtual server: before that, no answer would be no news.
  let isSetUp = false;
  const tell = (): void => {
    const table = virtualServer?.getSnapshot().context.table;
    const isServed = table?.realServers.some(({ server }) => server.weight > 0) ?? false;
    way.send({ type: isServed && isSetUp ? "way.opened" : "way.closed" });
  };
  const look = (snapshot: SnapshotFrom<ReachMachine>): void => {
    if (isSetUp || snapshot.matches("waiting") || snapshot.matches("applying")) return;
    isSetUp = true;
    tell();
  };
  const subscriptions = [
    virtualServer?.on("plan.applied", tell),
    reach?.subscribe((snapshot) => look(snapshot)),
    reach?.on("*", () => way.send({ type: "way.changed" })),
    daemon.subscribe({ complete: () => way.stop(), error: () => way.stop() }),
  ];
  way.subscribe({
    complete: () => {
      for (const subscription of subscriptions) subscription?.unsubscribe();
    },
  });
  if (reach !== undefined) look(reach.getSnapshot());
  return way;
}

// --- internal ---

const TIMEOUT_MS = 2000;
/**
 * A single failure may be due to a real server that died a moment ago, or to a route under repair: others handle
 * that.
 */
const ATTEMPTS = 3;
const PAUSE_MS = 300;

async function tryWay(service: VirtualServer, status: () => Promise<VirtualServerStatus>): Promise<WayReading> {
  for (let attempt = 1; ; attempt++) {
    if (attempt > 1) await Bun.sleep(PAUSE_MS);
    const { failure, latencyMs, close } = await tcpConnect(service.endpoint, TIMEOUT_MS);
    close();
    if (failure === undefined) return { latencyMs };
    if (attempt === ATTEMPTS) return { latencyMs, problem: `${failure}${await findingOf(status)}` };
  }
}

/** What `lvscare doctor` says of it, as a clause. */
async function findingOf(status: () => Promise<VirtualServerStatus>): Promise<string> {
  const { examineWay } = await import("./doctor/examine-way.ts");
  const problem = (await examineWay(status)).find(({ state }) => state === "problem");
  return problem === undefined ? "" : `; ${describe(problem)}`;
}

function describe({ message, realServer, remedy }: Finding): string {
  const prefix = realServer === undefined ? "" : `${realServer} `;
  return `${prefix}${message}${remedy === undefined ? "" : ` (${remedy})`}`;
}
