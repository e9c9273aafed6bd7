import type { CareConfig } from "../config/care-options.ts";
import { budgetChanges } from "../config/resolve-budget.ts";
import { ConfigError, type ConfigSources } from "../config/file/config-error.ts";
import { formatProblem, type ConfigProblem } from "../config/file/finding.ts";
import { UsageError } from "../config/usage-error.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { describeError } from "../domain/errors.ts";
import type { ConfigEvent } from "../domain/events.ts";
import type { ReloadReport } from "../domain/reload.ts";
import type { ConfigurationStatus } from "../domain/status.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";
import { fullName } from "./about.ts";
import type { Caretaker } from "./caretaker.ts";
import { FileWatch, type WatchedPaths } from "./file-watch.ts";
import { tried, underWay, unwritten } from "./under-way.ts";

/** A configuration as it was read, and where from. */
export interface ReadConfig extends ConfigSources {
  readonly config: CareConfig;
  readonly warnings: readonly ConfigProblem[];
}

export interface ConfigReloadPorts {
  /** The whole one. */
  readonly path: string;
  /** Rejects with everything that is wrong with it. */
  readonly read: () => Promise<ReadConfig>;
  readonly caretaker: Caretaker;
  /** Gives the process's own options; returns what could not be done, a line each. */
  readonly takeProcessOptions: (config: CareConfig) => Promise<readonly string[]>;
  readonly emit: (event: ConfigEvent) => void;
  /** Begins and ends a reload, as systemd is told of it. */
  readonly reloading: () => void;
  readonly reloaded: () => void;
  readonly now: () => number;
  readonly timeOfDay: (ms: number) => Date;
}

/**
 * Takes over what the configuration's files say, each time that they are read again: whole, or not at all. One reading
 * at a time; requests during one share the next, so that the last content counts.
 */
export class ConfigReload implements AsyncDisposable {
  readonly #ports: ConfigReloadPorts;
  readonly #watch: FileWatch;
  /** With those of the process's own options that could be had. */
  #config: CareConfig;
  #outcome: Outcome;
  /** Patterns of `include`, by their paths, that matched no file when it was taken over. */
  #unmatched: ReadonlySet<string>;
  #running: Promise<ReloadReport> | undefined;
  #next: Promise<ReloadReport> | undefined;
  #later: Timer | undefined;
  /** Somebody asked for the next reading. */
  #isAsked = false;
  /** The last reading, where it was not believed yet. */
  #doubted: { readonly config: CareConfig; readonly untilMs: number } | undefined;
  /** The last change that nobody had asked for, until somebody is told of it. */
  #lastNoticed: { readonly report: ReloadReport; readonly atMs: number } | undefined;

  /** `first`: what is cared for by now. */
  constructor(first: ReadConfig, ports: ConfigReloadPorts) {
    this.#ports = ports;
    this.#config = first.config;
    this.#unmatched = new Set(unmatchedIn(first).map(({ path }) => path));
    this.#outcome = { succeededAtMs: ports.now(), warnings: [], refused: undefined };
    this.#watch = new FileWatch(() => void this.#noticed(), QUIET_MS);
    this.#watch.follow(pathsOf(first));
  }

  /**
   * Reads the files again, and settles when what they say is written; never rejects. Whoever asks just after their
   * change was noticed is told of that change. `waitMs`: for so long, it waits for changed probes to decide.
   */
  async request(waitMs = 0): Promise<ReloadReport> {
    const report = await this.#requested();
    if (report.outcome === "refused" || waitMs === 0) return report;
    const { caretaker } = this.#ports;
    await tried(caretaker.virtualServers, waitMs);
    const { onTrial: _, suspicious: __, ...told } = report;
    return { ...told, ...(await underWay(caretaker.virtualServers)) };
  }

  status(): ConfigurationStatus {
    const { path, timeOfDay } = this.#ports;
    const { succeededAtMs, warnings, refused } = this.#outcome;
    return {
      file: path,
      appliedAt: timeOfDay(succeededAtMs).toISOString(),
      ...(warnings.length > 0 && { warnings }),
      ...(refused && {
        refused: { at: timeOfDay(refused.atMs).toISOString(), problem: refused.problem, problems: refused.count },
      }),
    };
  }

  /** Waits for a reading that is under way: it gives up what it has claimed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    while (this.#running !== undefined || this.#next !== undefined) await (this.#running ?? this.#next);
    clearTimeout(this.#later);
  }

  // --- internal ---

  async #requested(): Promise<ReloadReport> {
    this.#isAsked = true;
    const report = await this.#share();
    const noticed = this.#lastNoticed;
    this.#lastNoticed = undefined;
    if (report.outcome !== "unchanged" || noticed === undefined) return report;
    if (this.#ports.now() - noticed.atMs > FRESH_MS) return report;
    const { onTrial: _, suspicious: __, ...told } = noticed.report;
    const { draining, onTrial, suspicious } = report;
    return { ...told, draining, ...(onTrial && { onTrial }), ...(suspicious && { suspicious }) };
  }

  async #noticed(): Promise<void> {
    const report = await this.#share();
    if (report.outcome === "applied") this.#lastNoticed = { report, atMs: this.#ports.now() };
  }

  #share(): Promise<ReloadReport> {
    if (this.#running === undefined && this.#next === undefined) return this.#run();
    this.#next ??= Promise.resolve(this.#running).then(() => {
      this.#next = undefined;
      // Another one may have begun already.
      return this.#share();
    });
    return this.#next;
  }

  #run(): Promise<ReloadReport> {
    const { reloading, reloaded } = this.#ports;
    reloading();
    const isAsked = this.#isAsked;
    this.#isAsked = false;
    this.#running = this.#reload(isAsked).finally(() => {
      this.#running = undefined;
      reloaded();
    });
    return this.#running;
  }

  async #reload(isAsked: boolean): Promise<ReloadReport> {
    try {
      const read = await this.#ports.read();
      if (!isAsked && this.#doubts(read.config)) {
        this.#watch.follow(pathsOf(read));
        return { outcome: "unchanged", changes: [], draining: [], problems: [] };
      }
      this.#settled();
      const report = await this.#take(read);
      const unmatched = unmatchedIn(read);
      const warnings = unmatched.filter(({ path }) => !this.#unmatched.has(path)).map(formatProblem);
      this.#unmatched = new Set(unmatched.map(({ path }) => path));
      return warnings.length === 0 ? report : { ...report, warnings: [...(report.warnings ?? []), ...warnings] };
    } catch (error) {
      this.#settled();
      if (error instanceof ConfigError) this.#watch.follow(pathsOf(error.sources));
      else this.#tryLater(LATER_MS);
      return this.#refuse(error);
    }
  }

  async #take(read: ReadConfig): Promise<ReloadReport> {
    const { caretaker, takeProcessOptions, emit, now } = this.#ports;
    this.#watch.follow(pathsOf(read));
    const { config } = read;
    const isSameProcess = Bun.deepEquals(processOptions(this.#config), processOptions(config));
    await using prepared = await caretaker.prepare(config);
    const isDone = await prepared.apply();
    const before = this.#outcome;
    this.#outcome = { succeededAtMs: now(), warnings: [], refused: undefined };
    if (prepared.changes.length === 0 && isSameProcess && isDone) {
      this.#config = config;
      emit({ type: "config.unchanged", file: this.#ports.path });
      const since = this.#ports.timeOfDay(before.succeededAtMs).toISOString();
      return { outcome: "unchanged", since, changes: [], ...(await underWay(caretaker.virtualServers)), problems: [] };
    }
    const ofProcess = isSameProcess ? [] : await takeProcessOptions(config);
    // A port that is taken is tried again, and told as a change when it was had.
    this.#outcome = { ...this.#outcome, warnings: ofProcess };
    const taken = ofProcess.length === 0 ? config : { ...config, httpListen: this.#config.httpListen };
    const changes = [...prepared.changes, ...processChanges(this.#config, taken)];
    this.#config = taken;
    if (changes.length > 0) emit({ type: "config.applied", file: this.#ports.path, changes });
    if (!isDone) return this.#take(read);
    const problems = await unwritten(caretaker.virtualServers);
    const warnings = ofProcess.map((line) => `${this.#ports.path}: warning: ${line}`);
    const told = warnings.length > 0 ? { warnings } : {};
    return { outcome: "applied", changes, ...(await underWay(caretaker.virtualServers)), ...told, problems };
  }

  /**
   * A writer in the middle of a file may leave one that is valid and lacks the rest; so does a folder that is moved
   * away. What is lost by a change that nobody asked for is read a second time.
   */
  #doubts(config: CareConfig): boolean {
    const kept = new Set(config.virtualServers.map(({ service }) => formatServiceKey(service)));
    const lost = this.#config.virtualServers.filter(({ service }) => !kept.has(formatServiceKey(service)));
    const before = this.#doubted;
    const nowMs = this.#ports.now();
    const isSame = before !== undefined && Bun.deepEquals(before.config, config);
    if (lost.length === 0 || (isSame && nowMs >= before.untilMs)) return false;
    const untilMs = isSame ? before.untilMs : nowMs + DOUBT_MS;
    this.#doubted = { config, untilMs };
    this.#tryLater(untilMs - nowMs);
    if (!isSame)
      this.#ports.emit({ type: "config.doubted", file: this.#ports.path, lost: lost.map(fullName), againMs: DOUBT_MS });
    return true;
  }

  /** Nothing of the readings before this one is waited for any more. */
  #settled(): void {
    this.#doubted = undefined;
    clearTimeout(this.#later);
  }

  /** What this host or another daemon stands against may be gone soon, and no file tells of that. */
  #tryLater(afterMs: number): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => void this.#noticed(), afterMs);
    this.#later.unref();
  }

  #refuse(error: unknown): ReloadReport {
    const problems = problemsOf(error);
    // There may be warnings among them.
    const reasons = error instanceof ConfigError ? error.found.filter(isError).map(formatProblem) : problems;
    const [problem = "it cannot be read"] = reasons;
    const count = reasons.length;
    const { refused: before } = this.#outcome;
    this.#outcome = { ...this.#outcome, refused: { atMs: this.#ports.now(), problem, count } };
    // It may be asked for while the change of the file is noticed, too.
    if (before?.problem !== problem || before.count !== count)
      this.#ports.emit({ type: "config.rejected", file: this.#ports.path, problem, problems: count });
    return { outcome: "refused", changes: [], draining: [], problems };
  }
}

// --- internal ---

/** Whoever changes a file and then asks for it does so within this time, also on a host that has much else to do. */
const FRESH_MS = 30_000;

const LATER_MS = 10_000;

/** Whoever writes in place pauses within this time, more often than not. */
const QUIET_MS = 1000;

/** For what is lost, there is more time: longer than `QUIET_MS`, and short for somebody who waits. */
const DOUBT_MS = 5000;

interface Outcome {
  readonly succeededAtMs: number;
  /** What of that could not be had, a line each. */
  readonly warnings: readonly string[];
  /** The last reading, if it was refused. */
  readonly refused: { readonly atMs: number; readonly problem: string; readonly count: number } | undefined;
}

function pathsOf({ files, folders }: ConfigSources): WatchedPaths {
  return { files: new Map(files.flatMap(({ path, facts }) => (path === undefined ? [] : [[path, facts]]))), folders };
}

function unmatchedIn({ warnings }: ReadConfig): readonly ConfigProblem[] {
  return warnings.filter(({ code }) => code === "include");
}

function isError({ severity }: ConfigProblem): boolean {
  return severity === "error";
}

function processOptions({ log, httpListen, budget, cacheDirectory }: CareConfig): unknown {
  return { log, httpListen, budget, cacheDirectory };
}

function processChanges(before: CareConfig, after: CareConfig): string[] {
  const where = ({ httpListen }: CareConfig): string => (httpListen === undefined ? "off" : formatEndpoint(httpListen));
  const [was, is] = [where(before), where(after)];
  return [
    ...(was === is ? [] : [`http-listen ${was} → ${is}`]),
    ...(before.log.level === after.log.level ? [] : [`logger ${before.log.level} → ${after.log.level}`]),
    ...(before.cacheDirectory === after.cacheDirectory
      ? []
      : [`cache-directory ${after.cacheDirectory}, from the next start on`]),
    ...(before.log.format === after.log.format ? [] : [`log-format ${before.log.format} → ${after.log.format}`]),
    ...budgetChanges(before.budget, after.budget),
  ];
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof UsageError) return error.problems;
  if (error instanceof AggregateError) return error.errors.map(describeError);
  return [describeError(error)];
}
