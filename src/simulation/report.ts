import type { HealthCheckOptions } from "../config/combination.ts";
import { formatDuration } from "../domain/duration.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Operation } from "../domain/plan.ts";
import type { SimulatedServer, SimulationReport, TimelineEntry } from "../domain/simulation-report.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";
import type { ServerScript } from "./behaviour.ts";
import { isGood } from "./voice.ts";
import type { Loss } from "./client-load.ts";
import { Simulation, type CareMachine, type SimulationObserver } from "./simulation.ts";
import { TableHistory } from "./table-history.ts";
import { Timeline, type EventLog } from "./timeline.ts";
import type { Scenario, ScenarioEvent } from "./scenario.ts";

export interface SimulationPorts {
  readonly careMachine: CareMachine;
  readonly eventLog: EventLog;
}

/** Runs a scenario and reports the results. The same scenario always gives the same report. */
export async function simulate(scenario: Scenario, ports: SimulationPorts): Promise<SimulationReport> {
  const simulation = new Simulation(scenario, ports.careMachine);
  const timeline = new Timeline(simulation.clock.now, scenario.options.policy, ports.eventLog);
  const bookkeeper = new Bookkeeper(simulation);
  simulation.observe(timeline);
  simulation.observe(bookkeeper);
  await simulation.run();
  const { load } = simulation;
  const { service } = scenario.options;
  return {
    virtualServer: formatServiceKey(service),
    scheduler: service.scheduler,
    durationMs: scenario.durationMs,
    seed: scenario.seed,
    timeline: [...timeline.entries, ...load.losses.flatMap(lossEntry)].toSorted((a, b) => a.atMs - b.atMs),
    realServers: bookkeeper.servers(),
    ...(scenario.requestsPerSecond > 0 && {
      requests: { requests: round(load.requests), failed: round(load.failed), cut: round(bookkeeper.cutInAll()) },
    }),
    writes: bookkeeper.writes,
    rounds: bookkeeper.rounds,
    failOpenMs: bookkeeper.failOpen.endMs(simulation.clock.now()),
    lastResortMs: bookkeeper.lastResort.endMs(simulation.clock.now()),
  };
}

// --- internal ---

/** Counts for the summary. */
class Bookkeeper implements SimulationObserver {
  writes = 0;
  rounds = 0;
  readonly #simulation: Simulation;
  readonly #history = new TableHistory();
  readonly #cut = new Map<string, number>();
  readonly failOpen = new Lasting();
  readonly lastResort = new Lasting();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  writing(operation: Operation): void {
    if (operation.kind !== "server.remove") return;
    const key = formatEndpoint(operation.endpoint);
    this.#cut.set(key, (this.#cut.get(key) ?? 0) + this.#simulation.load.openConnections(key));
  }

  wrote(): void {
    this.writes++;
    this.#noteTable();
  }

  happened(event: ScenarioEvent): void {
    if (event.kind === "others") this.#noteTable();
    if (event.kind !== "daemon" || event.act.kind !== "restarts") return;
    this.failOpen.endMs(this.#simulation.clock.now());
    this.lastResort.endMs(this.#simulation.clock.now());
  }

  told(event: CareEvent): void {
    if (event.type === "plan.applied" && event.operations.length > 0) this.rounds++;
    const nowMs = this.#simulation.clock.now();
    if (event.type === "failOpen.entered") this.failOpen.begin(nowMs);
    if (event.type === "failOpen.left") this.failOpen.endMs(nowMs);
    if (event.type === "lastResort.entered") this.lastResort.begin(nowMs);
    if (event.type === "lastResort.left") this.lastResort.endMs(nowMs);
  }

  cutInAll(): number {
    return this.#cut.values().reduce((sum, cut) => sum + cut, 0);
  }

  servers(): SimulatedServer[] {
    const { scenario, scripts, load } = this.#simulation;
    const { options, checks, durationMs } = scenario;
    const weights = new Map(options.realServers.map(({ endpoint, weight }) => [formatEndpoint(endpoint), weight]));
    return [...new Set([...weights.keys(), ...this.#history.servers])].map((address) => {
      const script = scripts.get(address);
      const faults = script === undefined ? [] : faultsOf(script, checks, durationMs);
      const served = load.served.get(address);
      return {
        address,
        faults: this.#history.judge(address, faults, weights.get(address) ?? 1),
        timesOut: this.#history.timesOut(address),
        requests: round(served?.requests ?? 0),
        failed: round(served?.failed ?? 0),
        cut: round(this.#cut.get(address) ?? 0),
      };
    });
  }

  // --- internal ---

  #noteTable(): void {
    this.#history.note(this.#simulation.clock.now(), this.#simulation.plane.servers);
  }
}

/** How long something lasted that comes and goes. */
class Lasting {
  #sinceMs: number | undefined;
  #beforeMs = 0;

  begin(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  /** All of its times together, up to now. */
  endMs(nowMs: number): number {
    if (this.#sinceMs !== undefined) this.#beforeMs += nowMs - this.#sinceMs;
    this.#sinceMs = undefined;
    return this.#beforeMs;
  }
}

/** The times in which checks that start would fail. */
function faultsOf(script: ServerScript, checks: HealthCheckOptions, durationMs: number) {
  const faults: { fromMs: number; toMs: number }[] = [];
  for (let ms = 0; ms < durationMs; ms = script.nextChange(ms)) {
    if (isGood(script.at(ms), checks)) continue;
    const toMs = script.nextChange(ms) < durationMs ? script.nextChange(ms) : Number.POSITIVE_INFINITY;
    const last = faults.at(-1);
    if (last?.toMs === ms) last.toMs = toMs;
    else faults.push({ fromMs: ms, toMs });
  }
  return faults;
}

/** Too little to meet a single request is no event. */
function lossEntry({ fromMs, toMs, requests, failed, at }: Loss): TimelineEntry[] {
  if (failed < 0.5) return [];
  const where = at.length === 0 ? "nobody had a weight" : `at ${at.join(", ")}`;
  const text = `${failed.toFixed(0)} of ${requests.toFixed(0)} requests failed in ${formatDuration(toMs - fromMs)}: ${where}`;
  return [{ atMs: toMs, kind: "clients", text }];
}

function round(count: number): number {
  return Math.round(count * 10) / 10;
}
