import type { CareConfig } from "../config/care-options.ts";
import { ConfigError, type ConfigSources } from "../config/file/config-error.ts";
import { UsageError } from "../config/usage-error.ts";
import { describeError } from "../domain/errors.ts";
import type { ConfigEvent } from "../domain/events.ts";
import type { ReloadReport } from "../domain/reload.ts";
import type { ConfigurationStatus } from "../domain/status.ts";
import type { Caretaker } from "./caretaker.ts";
import { FileWatch, type WatchedPaths } from "./file-watch.ts";

/** A configuration as it was read, and where from. */
export interface ReadConfig extends ConfigSources {
  readonly config: CareConfig;
}

export interface ConfigReloadPorts {
  /** As people know it. */
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
export class ConfigReload implements Disposable {
  readonly #ports: ConfigReloadPorts;
  readonly #watch: FileWatch;
  #config: CareConfig;
  #outcome: Outcome;
  #running: Promise<ReloadReport> | undefined;
  #next: Promise<ReloadReport> | undefined;

  /** `first`: what is cared for by now. */
  constructor(first: ReadConfig, ports: ConfigReloadPorts) {
    this.#ports = ports;
    this.#config = first.config;
    this.#outcome = { succeededAtMs: ports.now(), refused: undefined };
    this.#watch = new FileWatch(() => void this.request());
    this.#watch.follow(pathsOf(first));
  }

  /** Reads the files again, and settles when what they say is written; never rejects. */
  request(): Promise<ReloadReport> {
    if (this.#running === undefined) return this.#run();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#run();
    });
    return this.#next;
  }

  status(): ConfigurationStatus {
    const { path, timeOfDay } = this.#ports;
    const { succeededAtMs, refused } = this.#outcome;
    return {
      file: path,
      appliedAt: timeOfDay(succeededAtMs).toISOString(),
      ...(refused && {
        refused: { at: timeOfDay(refused.atMs).toISOString(), problem: refused.problem, problems: refused.count },
      }),
    };
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  // --- internal ---

  #run(): Promise<ReloadReport> {
    const { reloading, reloaded } = this.#ports;
    reloading();
    this.#running = this.#reload().finally(() => {
      this.#running = undefined;
      reloaded();
    });
    return this.#running;
  }

  async #reload(): Promise<ReloadReport> {
    try {
      return await this.#take(await this.#ports.read());
    } catch (error) {
      if (error instanceof ConfigError) this.#watch.follow(pathsOf(error.sources));
      return this.#refuse(problemsOf(error));
    }
  }

  async #take(read: ReadConfig): Promise<ReloadReport> {
    const { caretaker, takeProcessOptions, emit, now } = this.#ports;
    this.#watch.follow(pathsOf(read));
    const { config } = read;
    const isSameProcess = Bun.deepEquals(processOptions(this.#config), processOptions(config));
    await using prepared = await caretaker.prepare(config);
    const { changes } = prepared;
    this.#outcome = { succeededAtMs: now(), refused: undefined };
    if (changes.length === 0 && isSameProcess) {
      emit({ type: "config.unchanged", file: this.#ports.path });
      return { outcome: "unchanged", changes: [], draining: [], problems: [] };
    }
    prepared.apply();
    this.#config = config;
    emit({ type: "config.applied", file: this.#ports.path, changes });
    const ofProcess = isSameProcess ? [] : await takeProcessOptions(config);
    const problems = [...ofProcess, ...(await caretaker.written())];
    return { outcome: "applied", changes, draining: await caretaker.draining(), problems };
  }

  #refuse(problems: readonly string[]): ReloadReport {
    const [problem = "it cannot be read"] = problems;
    const count = problems.length;
    this.#outcome = { ...this.#outcome, refused: { atMs: this.#ports.now(), problem, count } };
    this.#ports.emit({ type: "config.rejected", file: this.#ports.path, problem, problems: count });
    return { outcome: "refused", changes: [], draining: [], problems };
  }
}

// --- internal ---

interface Outcome {
  readonly succeededAtMs: number;
  /** The last reading, if it was refused. */
  readonly refused: { readonly atMs: number; readonly problem: string; readonly count: number } | undefined;
}

function pathsOf({ files, folders }: ConfigSources): WatchedPaths {
  return { files: files.flatMap(({ path }) => path ?? []), folders };
}

function processOptions({ log, httpListen }: CareConfig): unknown {
  return { log, httpListen };
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof UsageError) return error.problems;
  if (error instanceof AggregateError) return error.errors.map(describeError);
  return [describeError(error)];
}
