import { createActor } from "xstate";
import { probeEvent, type ProbeObserver } from "../actors/checks.ts";
import type { DaemonActor, DaemonMachine } from "../actors/daemon-machine.ts";
import type { HealthCheckOptions } from "../config/combination.ts";
import type { ProbeOptions } from "../config/probe-kinds/probe-kinds.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { VirtualServerConfiguration } from "../domain/virtual-server-configuration.ts";
import { formatServiceKey, realServer, WEIGHTLESS_SCHEDULERS } from "../domain/virtual-server.ts";
import { CombinedChecks } from "../probe/combination/combined-checks.ts";
import type { CheckSchedule } from "../probe/schedule/check-schedule.ts";
import { CHECK_PACE, CheckScheduler } from "../probe/schedule/check-scheduler.ts";
import { ServerScript } from "./behaviour.ts";
import { ClientLoad } from "./client-load.ts";
import { FaultyDataPlane, type PlaneFaults, type PlaneListener } from "./faulty-data-plane.ts";
import { MemoryDataPlane } from "./memory-data-plane.ts";
import type { Clock } from "../probe/clock.ts";
import { ProcessClock } from "./process-clock.ts";
import { ProcessSockets } from "./process-sockets.ts";
import type { DaemonAct, OutsideChange, PlaneFault, Scenario, ScenarioEvent } from "./scenario.ts";
import { scriptedProber } from "./scripted-prober.ts";
import { ScriptedServer } from "./scripted-server.ts";
import { seededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { ownVoiceOf } from "./voice.ts";

/** Puts the daemon's machine together, as the composition root does. */
export type CareMachine = (
  dataPlane: DataPlane,
  schedule: CheckSchedule,
  observe: ProbeObserver,
  clock: Clock,
) => DaemonMachine;

/** Called for each event at the moment it happens. */
export interface SimulationObserver extends Partial<PlaneListener> {
  daemonStarted?(): void;
  happening?(event: ScenarioEvent): void;
  /** After it has happened. */
  happened?(event: ScenarioEvent): void;
  told?(event: CareEvent): void;
}

/** The world of a scenario: servers, table and clock, and the daemon with its real machines in it. */
export class Simulation {
  readonly scenario: Scenario;
  readonly clock = new VirtualClock();
  readonly plane = new MemoryDataPlane();
  readonly scripts: ReadonlyMap<string, ServerScript>;
  readonly load: ClientLoad;
  readonly #faults: PlaneFaults = { latencyMs: LATENCY_MS, readsFail: false, writesFail: false, refused: new Set() };
  readonly #random: () => number;
  readonly #careMachine: CareMachine;
  readonly #observers: SimulationObserver[] = [];
  /** For each check: what it asks of a server is answered as it understands. */
  readonly #servers = new Map<ProbeOptions, ReadonlyMap<string, ScriptedServer>>();
  /** As configured now. */
  #checks: HealthCheckOptions;
  #process: ProcessClock | undefined;
  #sockets: ProcessSockets[] = [];
  #scheduler: CheckScheduler | undefined;
  #daemon: DaemonActor | undefined;
  #broke: unknown;
  #configuration: VirtualServerConfiguration | undefined;

  constructor(scenario: Scenario, careMachine: CareMachine) {
    this.scenario = scenario;
    this.#careMachine = careMachine;
    this.#random = seededRandom(scenario.seed);
    this.#configuration = scenario.options;
    this.scripts = scriptsOf(scenario);
    this.#checks = scenario.checks;
    this.load = new ClientLoad({
      ...scenario,
      usesWeights: !WEIGHTLESS_SCHEDULERS.has(scenario.options.service.scheduler),
      scripts: this.scripts,
    });
  }

  /** Called in the order in which they were added. */
  observe(observer: SimulationObserver): void {
    this.#observers.push(observer);
  }

  /** Runs the scenario from its start to its end; rejects when a machine breaks. */
  async run(): Promise<void> {
    const { events, durationMs } = this.scenario;
    const [first, later] = [events.filter(({ atMs }) => atMs === 0), events.filter(({ atMs }) => atMs > 0)];
    for (const event of first) this.#happen(event);
    // Events at 0s are the state before the start.
    this.#startDaemon();
    for (const event of later) this.clock.setTimeout(() => this.#happen(event), event.atMs);
    await this.clock.advance(durationMs);
    this.#process?.kill();
    this.#passTime();
    this.load.finish();
    if (this.#broke !== undefined) throw this.#broke;
  }

  /** The running daemon; undefined between its end and its new start. */
  get daemon(): DaemonActor | undefined {
    return this.#daemon;
  }

  /** As it is now; undefined when the virtual server is not configured any more. */
  get configuration(): VirtualServerConfiguration | undefined {
    return this.#configuration;
  }

  // --- internal ---

  #startDaemon(): void {
    const configuration = this.#configuration;
    if (configuration === undefined) return;
    const process = new ProcessClock(this.clock);
    const listener: PlaneListener = {
      reading: () => {
        this.#countConnections();
        this.#tell((observer) => observer.reading?.());
      },
      read: () => this.#tell((observer) => observer.read?.()),
      applying: (operations) => this.#tell((observer) => observer.applying?.(operations)),
      refusing: () => this.#tell((observer) => observer.refusing?.()),
      writing: (operation) => {
        this.#passTime();
        this.#tell((observer) => observer.writing?.(operation));
      },
      wrote: (operation) => this.#tell((observer) => observer.wrote?.(operation)),
      applied: () => this.#tell((observer) => observer.applied?.()),
    };
    const { jitter } = CHECK_PACE;
    const { budget } = this.scenario.options;
    this.#sockets = [];
    this.#scheduler = new CheckScheduler({ jitter, budget, clock: process, random: this.#random });
    const schedule = this.#scheduleOf(this.#scheduler, process);
    const plane = new FaultyDataPlane(this.plane, this.#faults, process, listener);
    const observe: ProbeObserver = (target, outcome) => {
      const event = probeEvent(target, outcome);
      this.#tell((observer) => observer.told?.(event));
    };
    const daemon = createActor(this.#careMachine(plane, schedule, observe, process), {
      clock: process,
      input: {
        ...configuration,
        holds: new Map(),
        cleanupOnExit: false,
        now: process.now,
      },
    });
    daemon.subscribe({ error: (error) => (this.#broke = error) });
    this.#process = process;
    this.#daemon = daemon;
    this.#tell((observer) => observer.daemonStarted?.());
    daemon.start();
    const { virtualServer } = daemon.getSnapshot().children;
    virtualServer?.on("*", (event) => this.#tell((observer) => observer.told?.(event)));
  }

  /** Checks as they are configured now. */
  #scheduleOf(scheduler: CheckScheduler, process: ProcessClock): CheckSchedule {
    const checks = this.#checks;
    const virtualServer = formatServiceKey(this.scenario.options.service);
    const scheduleBy = (probe: ProbeOptions): CheckSchedule => {
      const sockets = new ProcessSockets(this.#serversFor(probe), this.clock, process);
      this.#sockets.push(sockets);
      const ports = { newConnection: sockets.newConnection, scripts: this.scripts, virtualServer, clock: process };
      return scheduler.with(scriptedProber(probe, ports));
    };
    if (checks.type !== "combination") return scheduleBy(checks);
    const members = checks.members.map(({ name, pace, probe }) => ({ name, pace, schedule: scheduleBy(probe) }));
    return new CombinedChecks(members, checks.atLeast);
  }

  #serversFor(probe: ProbeOptions): ReadonlyMap<string, ScriptedServer> {
    const known = this.#servers.get(probe);
    if (known !== undefined) return known;
    const voice = ownVoiceOf(probe);
    const servers = new Map(
      Array.from(this.scripts, ([key, script]) => [key, new ScriptedServer(script, voice, this.clock)]),
    );
    this.#servers.set(probe, servers);
    return servers;
  }

  #happen(event: ScenarioEvent): void {
    this.#tell((observer) => observer.happening?.(event));
    if (event.kind === "others") this.#change(event.change);
    if (event.kind === "data-plane") this.#break(event.fault);
    if (event.kind === "daemon") this.#strike(event.act);
    if (event.kind === "configuration") this.#configure(event.change, event.checks);
    this.#tell((observer) => observer.happened?.(event));
  }

  #configure(change: Partial<VirtualServerConfiguration> | undefined, checks: HealthCheckOptions | undefined): void {
    const before = this.#configuration ?? this.scenario.options;
    const configuration = change && { ...before, ...change };
    this.#configuration = configuration;
    if (checks !== undefined) this.#checks = checks;
    if (configuration === undefined) return this.#daemon?.send({ type: "withdraw" });
    const { daemon } = this;
    if (daemon === undefined) return;
    const [scheduler, process] = [this.#scheduler, this.#process];
    const isTried = checks !== undefined && scheduler !== undefined && process !== undefined;
    daemon.send({
      type: "configure",
      configuration,
      schedule: isTried ? this.#scheduleOf(scheduler, process) : undefined,
    });
  }

  #change(change: OutsideChange): void {
    this.#passTime();
    if (change.kind === "deleteService") {
      this.plane.service = undefined;
      this.plane.servers.clear();
      return;
    }
    const key = formatEndpoint(change.server);
    if (change.kind === "delete") this.plane.servers.delete(key);
    else {
      this.plane.service ??= this.scenario.options.service;
      const standing = this.plane.servers.get(key) ?? realServer(change.server);
      this.plane.servers.set(key, { ...standing, weight: change.weight });
    }
  }

  #break(fault: PlaneFault): void {
    const faults = this.#faults;
    switch (fault.kind) {
      case "works":
        Object.assign(faults, { latencyMs: LATENCY_MS, readsFail: false, writesFail: false, refused: new Set() });
        return;
      case "refusesReads":
        faults.readsFail = true;
        return;
      case "refusesWrites":
        faults.writesFail = true;
        return;
      case "refusesServer":
        faults.refused = new Set([...faults.refused, formatEndpoint(fault.server)]);
        return;
      case "takes":
        faults.latencyMs = fault.latencyMs;
    }
  }

  #strike(act: DaemonAct): void {
    if (act.kind === "stalls") return this.#process?.stall(act.forMs);
    this.#process?.kill();
    for (const sockets of this.#sockets) sockets.closeAll();
    this.#daemon = undefined;
    // A process that is killed again before it is back comes back only once.
    const process = this.#process;
    this.clock.setTimeout(() => {
      if (this.#process === process) this.#startDaemon();
    }, act.afterMs);
  }

  /** Clients have gone on asking while the table was as it is. */
  #passTime(): void {
    this.load.passUntil(this.clock.now(), this.plane.servers);
  }

  #countConnections(): void {
    if (this.scenario.connectionsLastMs === 0) return;
    this.#passTime();
    for (const key of this.plane.servers.keys())
      this.plane.connections.set(key, Math.round(this.load.openConnections(key)));
  }

  #tell(what: (observer: SimulationObserver) => void): void {
    for (const observer of this.#observers) what(observer);
  }
}

// --- internal ---

/** How long the kernel takes, roughly. */
const LATENCY_MS = 0.1;

function scriptsOf({ options, events }: Scenario): Map<string, ServerScript> {
  const changes = Map.groupBy(
    events.filter((event) => event.kind === "server"),
    ({ server }) => formatEndpoint(server),
  );
  const configured = events.flatMap((event) =>
    event.kind === "configuration" ? (event.change?.realServers ?? []) : [],
  );
  const listed = [...options.realServers, ...configured].map(({ endpoint }) => formatEndpoint(endpoint));
  const known = [...listed, ...changes.keys()];
  return new Map(known.map((key) => [key, new ServerScript(changes.get(key) ?? [])]));
}
