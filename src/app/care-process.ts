import { readFileSync } from "node:fs";
import {
  acknowledgementOf,
  bootClock,
  dialTcpSocket,
  monotonicUs,
  resetIfConnected,
  sendToUnixSocket,
  watchSilence,
} from "#native";
import type { DaemonMachine } from "../actors/daemon-machine.ts";
import type { ProcessFacts } from "../actors/status.ts";
import { createWayMachine, type WayMachine } from "../actors/way-machine.ts";
import type { CheckBudget, HealthCheckOptions, ProbeOptions } from "../config/care-options.ts";
import { halfOpenIn } from "../dataplane/ipvs/half-open.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import type { NodeCount } from "../discovery/source.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import type { ProbeOutcome } from "../domain/health.ts";
import type { Logger } from "../domain/logger.ts";
import type { ChecksWaitStatus, ConfigurationStatus, ServerBudgetStatus } from "../domain/status.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import { QuietWatch } from "../dataplane/quiet-watch.ts";
import { EventBus } from "../events/event-bus.ts";
import { RecentMaximum } from "../metrics/recent-maximum.ts";
import { Turns } from "../metrics/turns.ts";
import type { AnswerListener, CheckSchedule } from "../probe/schedule/check-schedule.ts";
import { CHECK_PACE, CheckScheduler } from "../probe/schedule/check-scheduler.ts";
import type { Clock } from "../probe/clock.ts";
import { OwnPorts } from "../probe/own-ports.ts";
import type { Standing } from "../domain/standing.ts";
import { verdictAtOnce } from "../probe/combination/combined-verdict.ts";
import { CombinedChecks } from "../probe/combination/combined-checks.ts";
import { Scripts } from "../probe/exec/scripts.ts";
import { createProber } from "../probe/probers.ts";
import type { SocketPorts } from "../probe/http/http-prober.ts";
import { SharedChecks } from "../probe/schedule/shared-checks.ts";
import { TrafficWatch } from "../probe/suspicion/traffic-watch.ts";
import { PathWatch } from "../reach/path-watch.ts";
import { CertificateNews } from "./certificate-news.ts";
import { careMachineFor, type CareSurface } from "./care-machine.ts";
import { ReachHost } from "./reach.ts";
import { networkNamespace } from "./network-namespace.ts";
import { serviceManager, type ServiceManager } from "./service-manager.ts";
import { timeOfDay } from "./time-of-day.ts";
import { VERSION } from "./version.ts";

/**
 * What a process has once, for any number of virtual servers: its clock, its schedule of checks, its event bus, and
 * the link to systemd.
 */
export class CareProcess implements Disposable {
  readonly now = bootClock();
  /** Tells this run from others: when it started, by the clock as it was then. */
  readonly run: string;
  readonly facts: Omit<ProcessFacts, "dataPlane">;
  readonly bus: EventBus;
  readonly manager: ServiceManager;
  /** Looks at what its machines have nothing to do for. */
  readonly looks: QuietWatch;
  /** Whether it got to what was due in time. */
  readonly turns = new Turns();
  /** How long checks had to wait for others to end. */
  readonly #waitMs = new RecentMaximum();
  #budget: CheckBudget = CHECK_PACE.budget;
  /** As the configuration has it. */
  #configured: CheckBudget = CHECK_PACE.budget;
  /** Of the cluster; undefined as long as nobody has counted them. */
  #nodes: number | undefined;
  readonly reachHost = new ReachHost(this.now);
  /** What became of the configuration file; undefined where there is none. */
  configuration: (() => ConfigurationStatus) | undefined;
  /** Where its page is; undefined where it serves none. */
  page: string | undefined;
  /** What is told of the certificates of all real servers. */
  readonly certificates: CertificateNews;
  /** Of the clients of all virtual servers. */
  readonly traffic: TrafficWatch;
  readonly #schedule: CheckScheduler;
  readonly #shared: SharedChecks;
  readonly #scripts = new Scripts();
  readonly #ownPorts = new OwnPorts();
  readonly #surfaces = new Map<string, CareSurface>();
  #machine: DaemonMachine | undefined;
  #wayMachine: WayMachine | undefined;
  #paths: PathWatch | undefined;

  /** `environment`: where systemd says how it wants to be told. */
  constructor(logger: Logger, environment: Readonly<Record<string, string | undefined>>) {
    const { now } = this;
    this.facts = {
      version: VERSION,
      pid: process.pid,
      networkNamespace: networkNamespace(),
      startedAtMs: now(),
      timeOfDay: timeOfDay(now),
    };
    this.run = this.facts.timeOfDay(this.facts.startedAtMs).toISOString();
    this.bus = new EventBus({ logger, now, timeOfDay: this.facts.timeOfDay });
    this.certificates = new CertificateNews({ today: Date.now, emit: (event) => this.bus.emit(event) });
    this.manager = serviceManager({ environment, pid: process.pid, send: sendToUnixSocket, monotonicUs });
    const clock: Clock = { now, setTimeout, clearTimeout: (timer) => clearTimeout(timer as Timer) };
    this.traffic = new TrafficWatch({ clock, countHalfOpen, spentMs });
    this.#shared = new SharedChecks(clock);
    this.looks = new QuietWatch(clock);
    this.#schedule = new CheckScheduler({
      clock,
      random: Math.random,
      ...CHECK_PACE,
      stalled: (forMs) => {
        this.turns.stalled(forMs);
        this.bus.emit({ type: "process.stalled", forMs });
      },
      late: (byMs) => this.turns.late(byMs, now()),
      waited: (forMs) => this.#waitMs.note(forMs, now()),
    });
  }

  /** Checks no more than this from now on. */
  keepTo(budget: CheckBudget): void {
    this.#configured = budget;
    const { perServer } = budget;
    const nodes = perServer?.isCounted === true ? this.#nodes : undefined;
    const kept = perServer && nodes !== undefined ? { ...budget, perServer: { ...perServer, nodes } } : budget;
    if (Bun.deepEquals(kept, this.#budget)) return;
    this.#budget = kept;
    this.#schedule.keepTo(kept);
  }

  /** What a cluster is asked for, as long as that changes anything. */
  readonly nodes: NodeCount = {
    isWanted: () => this.#configured.perServer?.isCounted === true,
    hear: (count) => {
      this.#nodes = count;
      this.keepTo(this.#configured);
    },
  };

  /** How long checks had to wait in the last minute, because so many others were under way; undefined where none had to. */
  get checksWait(): ChecksWaitStatus | undefined {
    const longestMs = Math.round(this.#waitMs.read(this.now()));
    return longestMs < WORTH_TELLING_MS ? undefined : { longestMs, most: this.#budget.mostAtOnce };
  }

  /** How often a real server may be checked; undefined where that is not limited. */
  get serverBudget(): ServerBudgetStatus | undefined {
    const { perServer } = this.#budget;
    const gapMs = this.#schedule.serverGapMs;
    return perServer && gapMs !== undefined ? { ...perServer, gapMs } : undefined;
  }

  /**
   * Checks as these options say, on the one schedule of this process. With equal options, a real server of several
   * virtual servers is checked once.
   */
  checksAs(options: HealthCheckOptions, whose: WhoseChecks): CheckSchedule {
    if (options.type === "combination") {
      const members = options.members.map(({ name, pace, probe }) => {
        return { name, pace, schedule: this.checksAs(probe, whose) };
      });
      return new CombinedChecks(members, options.atLeast);
    }
    const { standingOf } = whose;
    const virtualServer = formatServiceKey(whose.key);
    // What is told of how a real server stands is so for one virtual server alone, and a program is told which.
    const isTold = options.type === "exec" || ("sendState" in options && options.sendState);
    const kind = isTold ? `${virtualServer} ${valueOf(options)}` : valueOf(options);
    return this.#shared.of(kind, () => {
      const watchPath: SocketPorts["watchPath"] = (target, lost) => {
        this.#paths ??= new PathWatch({ now: this.now });
        return this.#paths.watch(target, lost);
      };
      return this.#schedule.with(
        createProber(options, {
          ...SOCKETS,
          ownPorts: this.#ownPorts,
          watchPath,
          scripts: this.#scripts,
          virtualServer,
          standingOf,
          isPaced: () => this.#schedule.isPaced,
        }),
      );
    });
  }

  /** The machine that cares for a virtual server, which meets this. `leave` is to be called when it has ended. */
  machineFor(key: ServiceKey, surface: CareSurface): { readonly machine: DaemonMachine; readonly leave: () => void } {
    this.#machine ??= careMachineFor((one) => this.#surfaceOf(one), this.looks);
    const name = formatServiceKey(key);
    this.#surfaces.set(name, surface);
    const leave = (): void => {
      if (this.#surfaces.get(name) === surface) this.#surfaces.delete(name);
    };
    return { machine: this.#machine, leave };
  }

  /** The machine that watches whether clients get through. */
  get wayMachine(): WayMachine {
    return (this.#wayMachine ??= createWayMachine());
  }

  /** Lets a data plane that handles connections in this process report silent real servers. */
  listenTo(dataPlane: DataPlane): void {
    dataPlane.onSilence?.((server, isWell) => this.#schedule.suspect(server, isWell));
  }

  /** Until this is disposed of, the first checks of real servers wait: see `CheckScheduler.holdBackNew`. */
  holdBackChecks(): Disposable {
    return this.#schedule.holdBackNew();
  }

  /** How long this real server's good answers take; undefined as long as that is not known. */
  usualMs(server: Endpoint): number | undefined {
    return this.#schedule.usualMs(server);
  }

  /** Checks a real server at once whose clients seem to get no answer: see `CheckScheduler.await`. */
  awaitAnswer(server: Endpoint, hear: AnswerListener): void {
    this.#schedule.await(server, hear);
  }

  [Symbol.dispose](): void {
    this.manager.close();
    this.#paths?.[Symbol.dispose]();
  }

  // --- internal ---

  #surfaceOf(key: ServiceKey): CareSurface {
    const name = formatServiceKey(key);
    const surface = this.#surfaces.get(name);
    if (surface === undefined) throw new Error(`nobody cares for ${name}`);
    return surface;
  }
}

/** The virtual server that is checked for. */
export interface WhoseChecks {
  readonly key: ServiceKey;
  /** How one of its real servers stands. */
  readonly standingOf: (target: Endpoint) => Standing;
}

/** One check over its own connection, or several at once, beside those of any schedule. */
export async function checkOnce(
  options: HealthCheckOptions,
  target: Endpoint,
  whose: WhoseChecks,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  if (options.type !== "combination") return probeOnce(options, target, whose, signal);
  const startedMs = performance.now();
  const outcomes = await Promise.all(options.members.map(({ probe }) => probeOnce(probe, target, whose, signal)));
  const latencyMs = performance.now() - startedMs;
  return verdictAtOnce(options, outcomes, latencyMs);
}

// --- internal ---

function probeOnce(
  options: ProbeOptions,
  target: Endpoint,
  { key, standingOf }: WhoseChecks,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const alone = "sentinel" in options ? { ...options, sentinel: false, freshConnection: true } : options;
  const ports = { ...SOCKETS, virtualServer: formatServiceKey(key), standingOf };
  const probe = createProber(alone, ports).open(target, () => undefined);
  return new Promise((resolve) => {
    const callOff = (): void => {
      probe.close();
      resolve({ passed: undefined, reason: "called off", latencyMs: 0 });
    };
    if (signal.aborted) return callOff();
    signal.addEventListener("abort", callOff, { once: true });
    probe.check((outcome) => {
      signal.removeEventListener("abort", callOff);
      probe.close();
      resolve(outcome);
    });
  });
}

/** Of a wait for others to end: one turn of the event loop is none. */
const WORTH_TELLING_MS = 10;

const SOCKETS = { openTcpSocket: dialTcpSocket, resetIfConnected, watchSilence, acknowledgementOf };

/** Processor time of this process so far. */
function spentMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** None, where this host does not show its connections. */
function countHalfOpen(): ReadonlyMap<string, number> {
  try {
    return halfOpenIn(readFileSync("/proc/self/net/ip_vs_conn", "latin1"));
  } catch {
    return new Map();
  }
}

/** The same text for equal options, in whatever order their fields were set. */
function valueOf(options: ProbeOptions): string {
  return JSON.stringify(Object.entries(options).toSorted());
}
