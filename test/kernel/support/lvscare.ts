import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { linesOf } from "./line-process.ts";
import type { Child, Ended, Namespace } from "./namespace.ts";
import { waitFor, type Patience } from "./wait-for.ts";

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
  readonly #lines: string[] = [];
  readonly #logged: Promise<void>;

  constructor(namespace: Namespace, child: Child) {
    this.pid = child.pid;
    this.#namespace = namespace;
    this.#child = child;
    this.#logged = this.#collect();
  }

  /**
   * Every line so far, without its time: `INFO real server …`. Emulated processors stop now and then, which a daemon tells and which
   * is of no interest to any test: those lines are left out.
   */
  log(): readonly string[] {
    return this.#lines.filter((line) => !line.includes("this process was held up for"));
  }

  logged(pattern: RegExp): readonly string[] {
    return this.log().filter((line) => pattern.test(line));
  }

  /** Waits for the first line like this, or the n-th, and returns it. */
  async waitForLog(pattern: RegExp, { times = 1, ...patience }: Patience & { times?: number } = {}): Promise<string> {
    const found = (): string | undefined => this.logged(pattern)[times - 1];
    // A daemon that has ended will not log it any more.
    const settled = (): boolean => found() !== undefined || this.#child.exitCode !== null;
    await waitFor(() => this.#lines.join("\n"), settled, patience);
    if (this.#child.exitCode !== null) await this.#logged;
    const line = found();
    if (line === undefined) throw new Error(`ended without logging ${pattern}:\n${this.#lines.join("\n")}`);
    return line;
  }

  /** `lvscare status` of the daemon's host. */
  async status(...argv: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await runLvscare(this.#namespace, ["status", ...argv]);
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

  async #collect(): Promise<void> {
    for await (const line of linesOf(this.#child.stderr)) this.#lines.push(line.replace(/^\d{4}-\S+ /, ""));
  }
}

// --- internal ---

export function lvscareBinary(): string {
  if (existsSync(BINARY)) return BINARY;
  throw new Error(`there is no ${BINARY}; run "bun run build" first`);
}
