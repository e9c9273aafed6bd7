import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { NO_DAEMON } from "../../../src/domain/status.ts";
import { linesOf } from "./line-process.ts";
import type { Child, Ended, Namespace } from "./namespace.ts";
import { PATIENCE_MS, waitFor } from "./wait-for.ts";

const BINARY = process.env["LVSCARE_BINARY"] || resolve(import.meta.dir, "../../../dist/lvscare");

/** Runs `lvscare` with these arguments to its end. */
export function runLvscare(
  namespace: Namespace,
  argv: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Ended> {
  return namespace.run([lvscareBinary(), ...argv], env);
}

/** Starts `lvscare care` with these flags; `lvscare` is another way to call it. */
export function startCare(
  namespace: Namespace,
  flags: readonly string[],
  env?: Readonly<Record<string, string>>,
  lvscare: readonly string[] = [lvscareBinary()],
): CareProcess {
  return new CareProcess(namespace, namespace.spawn([...lvscare, "care", ...flags], env));
}

/** A running daemon and what it has logged. */
export class CareProcess implements AsyncDisposable {
  readonly pid: number;
  readonly #namespace: Namespace;
  readonly #child: Child;
  /** Without its time, each. */
  readonly #lines: string[] = [];
  readonly #logged: Promise<void>;
  #hasEnded = false;
  /** Resolved, and renewed, with each line and at the end. */
  #news = Promise.withResolvers<void>();

  constructor(namespace: Namespace, child: Child) {
    this.pid = child.pid;
    this.#namespace = namespace;
    this.#child = child;
    this.#logged = this.#collect();
  }

  /**
   * Every line so far: `INFO real server …`. Emulated processors stop now and then, which a daemon tells and which is of no interest to any
   * test: those lines are left out.
   */
  log(): readonly string[] {
    return this.#lines;
  }

  logged(pattern: RegExp): readonly string[] {
    return this.#lines.filter((line) => pattern.test(line));
  }

  /** Waits for the first line like this, or the n-th, and returns it. Nothing is looked at twice: a log that grows costs nothing while it is waited for. */
  waitForLog(pattern: RegExp, { times = 1, timeoutMs = PATIENCE_MS }: LogPatience = {}): Promise<string> {
    return this.#waitFrom(0, pattern, times, timeoutMs);
  }

  /** Waits for a line like this that comes after this call. */
  nextLog(pattern: RegExp): Promise<string> {
    return this.#waitFrom(this.#lines.length, pattern, 1, PATIENCE_MS);
  }

  /** `lvscare status` of the daemon's host, as a daemon tells it: where none gets a turn in time, `status` shows the table alone. */
  async status(...argv: string[]): Promise<string> {
    const ask = (): Promise<Ended> => runLvscare(this.#namespace, ["status", "--need-daemon", ...argv]);
    const { stdout, stderr, exitCode } = await waitFor(ask, (told) => told.exitCode !== NO_DAEMON);
    if (exitCode !== 0) throw new Error(`status: ${stderr}`);
    return stdout;
  }

  /** The exit code, or the signal's name, once everything it logged is here. */
  get exited(): Promise<number | string> {
    return Promise.all([this.#child.exited, this.#logged]).then(([code]) => this.#child.signalCode ?? code);
  }

  stop(signal: "SIGTERM" | "SIGINT" | "SIGKILL" = "SIGTERM"): Promise<number | string> {
    this.#child.kill(signal);
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }

  async #waitFrom(start: number, pattern: RegExp, times: number, timeoutMs: number): Promise<string> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#tell();
    }, timeoutMs);
    try {
      for (let at = start, left = times; ;) {
        for (; at < this.#lines.length; at++) {
          const line = this.#lines[at] ?? "";
          if (pattern.test(line) && --left === 0) return line;
        }
        const why = this.#hasEnded
          ? "ended without logging"
          : isLate
            ? `not logged within ${timeoutMs} ms:`
            : undefined;
        if (why !== undefined) throw new Error(`${why} ${pattern}:\n${this.#lines.join("\n")}`);
        await this.#news.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  async #collect(): Promise<void> {
    for await (const line of linesOf(this.#child.stderr)) {
      if (line.includes("this process was held up for")) continue;
      this.#lines.push(line.replace(/^\d{4}-\S+ /, ""));
      this.#tell();
    }
    this.#hasEnded = true;
    this.#tell();
  }
}

/** Which of the lines, counted from 1, and for how long to wait for it. */
interface LogPatience {
  readonly times?: number;
  readonly timeoutMs?: number;
}

// --- internal ---

export function lvscareBinary(): string {
  if (existsSync(BINARY)) return BINARY;
  throw new Error(`there is no ${BINARY}; run "bun run build" first`);
}
