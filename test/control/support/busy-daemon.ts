import { formatEndpoint, type Endpoint } from "../../../src/domain/endpoint.ts";
import { serveWeb, type WebServer } from "../../../src/control/web-server.ts";
import type { ProbeOutcome } from "../../../src/domain/health.ts";
import type { TrafficStats } from "../../../src/domain/virtual-server.ts";
import { PretendedDaemon } from "./pretended-daemon.ts";

/** A daemon with clients and checks, as many as there are in life: each server is checked every five seconds. */
export class BusyDaemon implements AsyncDisposable {
  readonly url: string;
  readonly virtualServers: readonly PretendedDaemon[];
  readonly #web: WebServer;
  readonly #beat: Timer;
  #beats = 0;

  constructor(address: string, virtualServers: readonly PretendedDaemon[]) {
    const endpoint: Endpoint = { family: "ipv4", address, port: 18_081 };
    this.url = `http://${formatEndpoint(endpoint)}`;
    this.virtualServers = virtualServers;
    const sources = virtualServers.map((one) => one.source());
    this.#web = serveWeb(endpoint, { virtualServers: () => sources, metrics: () => "" });
    for (const one of virtualServers) {
      one.onEvent = () => this.#web.happened();
      for (let round = 0; round < ROUNDS; round++) this.#checkAll(one, round);
    }
    this.#beat = setInterval(() => this.#pass(), BEAT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#beat);
    await this.#web.close();
  }

  // --- internal ---

  #pass(): void {
    this.#beats++;
    for (const one of this.virtualServers) {
      const { realServers } = one.status;
      const due = Array.from(realServers.keys()).filter((at) => at % BEATS === this.#beats % BEATS);
      for (const at of due) this.#check(one, at, ROUNDS + this.#beats);
      this.#sum(one);
    }
  }

  #checkAll(one: PretendedDaemon, round: number): void {
    for (const at of one.status.realServers.keys()) this.#check(one, at, round);
    this.#sum(one);
  }

  /** A virtual server's totals are those of its real servers together. */
  #sum(one: PretendedDaemon): void {
    const { realServers, stats } = one.status;
    const sum = (key: keyof TrafficStats): number =>
      realServers.reduce((all, server) => all + (server.stats?.[key] ?? 0), 0);
    const [connections, inBytes, outBytes] = [sum("connections"), sum("inBytes"), sum("outBytes")];
    one.status = { ...one.status, stats: { ...stats, connections, inBytes, outBytes } };
  }

  #check(one: PretendedDaemon, index: number, round: number): void {
    const server = one.status.realServers[index];
    if (server === undefined) return;
    const isDown = server.state === "removed" || (server.state === "draining" && round > 55);
    const isBack = server.state === "recovering" && round < 50;
    const passed = !isDown && !isBack;
    const latencyMs = passed ? 0.6 + (index % 5) * 0.3 + 1.4 * noise(index * 61 + round) ** 4 : 3000;
    const { lastVerdict } = server;
    const reason = passed
      ? "status 200"
      : lastVerdict?.passed === false
        ? lastVerdict.reason
        : "connect timed out after 2s";
    const outcome: ProbeOutcome = { passed, reason, latencyMs };
    one.checks.note(server.address, outcome, performance.now());
    const stats = server.stats ?? { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
    const more = server.weight === 0 || server.weight === undefined ? 0 : 10 + (index % 4) * 4;
    one.change(index, {
      lastVerdict: { passed, reason, latencyMs, at: new Date().toISOString() },
      stats: {
        ...stats,
        connections: stats.connections + more,
        inBytes: stats.inBytes + more * 2_100,
        outBytes: stats.outBytes + more * 18_000,
      },
    });
  }
}

// --- internal ---

const BEAT_MS = 250;
const BEATS = 20;
/** Of checks that were made before it was looked at. */
const ROUNDS = 60;

/** The same each time, between 0 and 1. */
function noise(seed: number): number {
  const value = Math.sin(seed * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
}
