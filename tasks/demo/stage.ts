import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { requestEventReports, requestStatuses } from "../../src/control/client.ts";
import { configSocketPath, runtimeDirectory } from "../../src/control/runtime-directory.ts";
import type { EventRecord } from "../../src/domain/event-record.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";

const here = import.meta.dir;
const lvscare = [process.execPath, resolve(here, "../../src/cli/main.ts")];

/** The processes of the demonstration, and the certainty that none of them outlives it. */
export class Stage {
  readonly #children = new Map<string, Bun.Subprocess>();
  readonly #folder = mkdtempSync(join(tmpdir(), "lvscare-demo-"));
  /** Sockets of a daemon without root go to a directory of our own; root has its place. */
  readonly #env = { ...ownEnvironment(), XDG_RUNTIME_DIR: this.#folder, NO_COLOR: "1" };
  readonly #configuration = join(this.#folder, "demo.yaml");
  readonly #log = join(this.#folder, "log");
  readonly interruption: AbortSignal;
  readonly #socket: string;

  /** Once `interruption` is aborted, nothing more starts. */
  constructor(configuration: unknown, interruption: AbortSignal) {
    this.interruption = interruption;
    writeFileSync(this.#configuration, JSON.stringify(configuration));
    this.#socket = configSocketPath(runtimeDirectory(this.#env, process.getuid?.() ?? 0), this.#configuration);
  }

  /** What asks this daemon from another terminal. */
  get command(): string {
    const environment = process.getuid?.() === 0 ? "" : `XDG_RUNTIME_DIR=${this.#folder} `;
    return `${environment}node_modules/.bin/bun src/cli/main.ts`;
  }

  startEcho(name: string, address: string): void {
    this.#start(name, [process.execPath, join(here, "echo-server.ts"), name, address], "ignore");
  }

  /** Starts `lvscare care`; its log is kept for `log`. */
  startCare(): Bun.Subprocess {
    const log = openSync(this.#log, "a");
    try {
      return this.#start("care", [...lvscare, "care", "--config", this.#configuration], log);
    } finally {
      closeSync(log);
    }
  }

  /** What the daemon has logged. */
  get log(): string {
    return readFileSync(this.#log, "utf8");
  }

  async kill(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#children.get(name);
    this.#children.delete(name);
    child?.kill(signal);
    await child?.exited;
  }

  /** What the daemon says, or undefined while there is none that answers. */
  async status(): Promise<VirtualServerStatus | undefined> {
    const [status] = await requestStatuses(this.#socket).catch(() => []);
    return status;
  }

  /** What happened since the daemon started. */
  async events(): Promise<readonly EventRecord[]> {
    return (await requestEventReports(this.#socket, 0)).flatMap(({ events }) => events);
  }

  /** Ends everything and takes the virtual server away. */
  async clear(): Promise<void> {
    const cared = this.#children.has("care");
    await Promise.all(
      [...this.#children.keys()].map((name) => this.kill(name, name === "care" ? "SIGTERM" : "SIGKILL")),
    );
    if (cared && process.getuid?.() === 0) await this.#run(["care", "--config", this.#configuration, "--clean"]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start(name: string, command: string[], output: "ignore" | number): Bun.Subprocess {
    this.interruption.throwIfAborted();
    const child = Bun.spawn(command, { env: this.#env, stdin: "ignore", stdout: output, stderr: output });
    this.#children.set(name, child);
    return child;
  }

  async #run(argv: readonly string[]): Promise<void> {
    const child = Bun.spawn([...lvscare, ...argv], {
      env: this.#env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
      timeout: 60_000,
    });
    await child.exited;
  }
}

// --- internal ---

/** Options of the user's own LVScare are not the demonstration's, and proxies are no way to loopback addresses. */
function ownEnvironment(): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(CARE|LVSCARE)_|_proxy$/i.test(name));
  return Object.fromEntries(kept);
}
