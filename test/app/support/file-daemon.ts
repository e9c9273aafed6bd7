import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { requestReload } from "../../../src/control/client.ts";
import { configSocketPath, runtimeDirectory } from "../../../src/control/runtime-directory.ts";
import type { ReloadReport } from "../../../src/domain/reload.ts";
import type { StatusReport } from "../../../src/domain/status.ts";
import { LVSCARE, runProgram, type ProgramResult } from "../../cli/run-program.ts";
import { linesOf } from "../../kernel/support/line-process.ts";
import { waitFor } from "../../kernel/support/wait-for.ts";

/** A daemon in a process of its own that cares for what a file says, on the userspace data plane. */
export class FileDaemon implements AsyncDisposable {
  readonly path: string;
  /** What it has logged, without the time. A busy machine gives it no turn now and then, which it tells and which is of no interest to any test. */
  readonly log: string[] = [];
  readonly #environment: Record<string, string>;
  readonly #child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly #logged: Promise<void>;

  constructor(path: string, environment: Record<string, string>) {
    this.path = path;
    this.#environment = { PATH: process.env["PATH"] ?? "", ...environment };
    this.#child = Bun.spawn([...LVSCARE, "care", "--config", path], {
      env: this.#environment,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.#logged = this.#collect();
  }

  /** `lvscare reload` of this daemon. */
  reload(...flags: readonly string[]): Promise<ProgramResult> {
    return runProgram(["reload", "--config", this.path, ...flags], this.#environment);
  }

  /** The same, asked from here. */
  request(): Promise<ReloadReport> {
    const folder = runtimeDirectory(this.#environment, process.getuid?.() ?? 0);
    return requestReload(configSocketPath(folder, resolve(this.path)));
  }

  get pid(): number {
    return this.#child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** `lvscare status` of its virtual servers. */
  async status(...virtualServers: readonly string[]): Promise<StatusReport> {
    const only = virtualServers.flatMap((one) => ["--vs", one]);
    const { stdout } = await runProgram(["status", "-o", "json", ...only], this.#environment);
    return JSON.parse(stdout) as StatusReport;
  }

  /** What a command prints to whoever is of this daemon's environment. */
  async ask(...command: readonly string[]): Promise<string> {
    return (await runProgram([...command], this.#environment)).stdout;
  }

  async statusText(virtualServer: string): Promise<string> {
    return (await runProgram(["status", "--vs", virtualServer], this.#environment)).stdout;
  }

  /** What `lvscare status --exit-code` says of a virtual server's health. */
  async healthCode(virtualServer: string): Promise<number> {
    return (await runProgram(["status", "--vs", virtualServer, "--exit-code"], this.#environment)).code;
  }

  /** Waits for the n-th line like this, and returns it. */
  async logged(pattern: RegExp, times = 1): Promise<string> {
    const found = (): readonly string[] => this.log.filter((line) => pattern.test(line));
    await waitFor(
      () => this.log.join("\n"),
      () => found().length >= times || this.#child.exitCode !== null,
    );
    if (this.#child.exitCode !== null) await this.#logged;
    const line = found()[times - 1];
    if (line === undefined) throw new Error(`ended without logging ${pattern}:\n${this.log.join("\n")}`);
    return line;
  }

  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    return this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  // --- internal ---

  async #collect(): Promise<void> {
    for await (const line of linesOf(this.#child.stderr))
      if (!line.includes("this process was held up for")) this.log.push(line.replace(/^\d{4}-\S+ /, ""));
  }
}

/** A folder of its own, gone with the test. */
export class TestFolder implements AsyncDisposable {
  readonly path: string;

  static async make(): Promise<TestFolder> {
    return new TestFolder(await mkdtemp(join(tmpdir(), "lvscare-config-")));
  }

  private constructor(path: string) {
    this.path = path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
