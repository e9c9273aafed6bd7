import { availableParallelism } from "node:os";
import { describeError, errnoOf } from "../../domain/errors.ts";
import type { Clock } from "../clock.ts";
import { directoryProblem, programProblem } from "./program-problem.ts";
import { findUser, startAs } from "./script-user.ts";

/** A program that runs, or waits until fewer do. */
export interface RunningScript {
  /** Ends it and all that it started, at once. Idempotent. */
  kill(): void;
}

export interface ScriptResult {
  /** Undefined when a signal ended it, or it could not be started. */
  readonly exitCode: number | undefined;
  /** The beginning of what it wrote, at most `MOST_OUTPUT` bytes. */
  readonly output: string;
  /** That ended it, such as `SIGKILL`. */
  readonly signal?: string | number;
  /** It wrote more than that. */
  readonly isCut?: true;
  /** It was ended, because its time was over. */
  readonly isLate: boolean;
  /** Why it could not be started: this host's lack. */
  readonly lacking?: string;
}

export interface Script {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Whom it runs as; undefined: as this process. */
  readonly user: string | undefined;
  readonly timeoutMs: number;
}

/** For how long scripts may run. Those of the runtime keep a process alive. */
export type ScriptTimers = Pick<Clock, "setTimeout" | "clearTimeout">;

/** Of what a script writes. The rest is read, and forgotten. */
export const MOST_OUTPUT = 4096;

/**
 * Runs the scripts of all checks, as many at a time as this host bears: a thousand at once would make each other late.
 * Each runs in a process group of its own, and ends with it: at its timeout by SIGTERM, and 2 s later by SIGKILL.
 */
export class Scripts {
  readonly #most: number;
  readonly #timers: ScriptTimers;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(most = Math.min(8, 2 * availableParallelism()), timers: ScriptTimers = OF_THE_RUNTIME) {
    this.#most = most;
    this.#timers = timers;
  }

  /**
   * `done` is called once, unless it is killed before; `ended` once, when nothing of it runs any more. Its time begins
   * when it starts. One whose time is over makes room for others, though it may take a while to end.
   */
  run(script: Script, done: (result: ScriptResult) => void, ended: () => void): RunningScript {
    let child: ScriptProcess | undefined;
    let isKilled = false;
    const start = (): void => {
      if (isKilled) {
        ended();
        return this.#next();
      }
      this.#running++;
      let isCounted = true;
      const makeRoom = (): void => {
        if (!isCounted) return;
        isCounted = false;
        this.#running--;
        this.#next();
      };
      const tell = (result: ScriptResult): void => {
        if (result.isLate) makeRoom();
        done(result);
      };
      child = new ScriptProcess(script, this.#timers, tell, () => {
        makeRoom();
        ended();
      });
    };
    // Who waits comes first.
    if (this.#running < this.#most && this.#waiting.length === 0) start();
    else this.#waiting.push(start);
    return {
      kill: () => {
        isKilled = true;
        child?.kill();
      },
    };
  }

  // --- internal ---

  #next(): void {
    if (this.#running < this.#most) this.#waiting.shift()?.();
  }
}

// --- internal ---

const OF_THE_RUNTIME: ScriptTimers = {
  setTimeout: (fire, delayMs) => setTimeout(fire, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as Timer),
};

/** From SIGTERM to SIGKILL. */
const GRACE_MS = 2000;

/** What it wrote last may come after its end. */
const LAST_WORDS_MS = 50;

/** What of a reader is used: its own type differs between the runtime's types and the standard's. */
interface StdoutReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

type Child = Bun.Subprocess<"ignore", "pipe", "ignore">;

/** A text: why it cannot be run. What was well at the start of this process may be otherwise since then. */
function spawn({ argv, environment, directory, user }: Script): Child | string {
  const [program = ""] = argv;
  try {
    const problem = programProblem(program);
    if (problem !== undefined) return `${program} is not run: ${problem}`;
    const found = user === undefined ? undefined : findUser(user);
    if (user !== undefined && found === undefined) return `${program} is not run: there is no user ${user}`;
    const where = directoryProblem(directory);
    if (where !== undefined) return `${program} is not run in ${directory}: ${where}`;
    const started = found === undefined ? { argv, as: {} } : startAs(argv, found);
    if ("problem" in started) return `${program} is not run as ${user}: ${started.problem}`;
    return Bun.spawn([...started.argv], {
      cwd: directory,
      env: environment,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      detached: true,
      ...started.as,
    });
  } catch (error) {
    return `${program} cannot be run (${errnoOf(error) ?? describeError(error)})`;
  }
}

class ScriptProcess {
  readonly #timers: ScriptTimers;
  readonly #done: (result: ScriptResult) => void;
  readonly #ended: () => void;
  #child: Child | undefined;
  #timer: unknown;
  #output = Buffer.alloc(0);
  #isCut = false;
  #isTold = false;

  /** `ended`: called once, when nothing of it runs any more. */
  constructor(script: Script, timers: ScriptTimers, done: (result: ScriptResult) => void, ended: () => void) {
    this.#timers = timers;
    this.#done = done;
    this.#ended = ended;
    const child = spawn(script);
    if (typeof child === "string") {
      queueMicrotask(() => {
        this.#tell({ exitCode: undefined, output: "", isLate: false, lacking: child });
        ended();
      });
      return;
    }
    this.#child = child;
    this.#timer = timers.setTimeout(() => this.#expire(), script.timeoutMs);
    void this.#follow(child);
  }

  kill(): void {
    this.#isTold = true;
    this.#signal("SIGKILL");
  }

  // --- internal ---

  #expire(): void {
    this.#signal("SIGTERM");
    this.#timer = this.#timers.setTimeout(() => this.#signal("SIGKILL"), GRACE_MS);
    this.#tell({ exitCode: undefined, output: this.#output.toString("utf8"), isLate: true });
  }

  async #follow(child: Child): Promise<void> {
    const reader: StdoutReader = child.stdout.getReader();
    const read = this.#read(reader);
    await child.exited;
    this.#timers.clearTimeout(this.#timer);
    // Whatever it left behind would be there again with each check.
    this.#signal("SIGKILL");
    const { promise, resolve } = Promise.withResolvers<void>();
    const patience = this.#timers.setTimeout(resolve, LAST_WORDS_MS);
    await Promise.race([read, promise]);
    this.#timers.clearTimeout(patience);
    reader.cancel().catch(() => undefined);
    this.#tell({
      exitCode: child.signalCode === null ? (child.exitCode ?? undefined) : undefined,
      output: this.#output.toString("utf8"),
      isLate: false,
      ...(child.signalCode !== null && { signal: child.signalCode }),
      ...(this.#isCut && { isCut: true }),
    });
    this.#ended();
  }

  async #read(reader: StdoutReader): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return;
      const room = MOST_OUTPUT - this.#output.length;
      if (value.length > room) this.#isCut = true;
      if (room > 0) this.#output = Buffer.concat([this.#output, value.subarray(0, room)]);
    }
  }

  #tell(result: ScriptResult): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#done(result);
  }

  /** To all of its group. */
  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      // None is left, or none that may be ended by this user.
      if (!["ESRCH", "EPERM"].includes(errnoOf(error) ?? "")) throw error;
    }
  }
}
