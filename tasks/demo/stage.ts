import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { requestStatus } from "../../src/control/client.ts";
import { runtimeDirectory, socketPath } from "../../src/control/runtime-directory.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";

const here = import.meta.dir;
const lvscare = [process.execPath, resolve(here, "../../src/cli/main.ts")];

/** The processes of the demonstration, and the certainty that none of them outlives it. */
export class Stage {
  readonly #children = new Map<string, Bun.Subprocess>();
  readonly #runtimeDirectory = mkdtempSync(join(tmpdir(), "lvscare-demo-"));
  /** Sockets of a daemon without root go to a directory of our own; root has its place. */
  readonly #env = { ...ownEnvironment(), XDG_RUNTIME_DIR: this.#runtimeDirectory, NO_COLOR: "1" };
  readonly interruption: AbortSignal;
  readonly #virtualServer: string;
  readonly #socket: string;

  /** Once `interruption` is aborted, nothing more starts. */
  constructor(virtualServer: string, interruption: AbortSignal) {
    this.interruption = interruption;
    this.#virtualServer = virtualServer;
    const directory = runtimeDirectory(this.#env, process.getuid?.() ?? 0);
    this.#socket = socketPath(directory, { protocol: "tcp", endpoint: parseEndpoint(virtualServer) });
  }

  startEcho(name: string, port: number): void {
    this.#start(name, [process.execPath, join(here, "echo-server.ts"), name, String(port)], "ignore");
  }

  /** Starts `lvscare care`; its log goes to where ours goes. */
  startCare(flags: readonly string[]): Bun.Subprocess {
    return this.#start("care", [...lvscare, "care", "--vs", this.#virtualServer, ...flags], "inherit");
  }

  async kill(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#children.get(name);
    this.#children.delete(name);
    child?.kill(signal);
    await child?.exited;
  }

  /** What the daemon says, or undefined while there is none that answers. */
  status(): Promise<VirtualServerStatus | undefined> {
    return requestStatus(this.#socket).catch(() => undefined);
  }

  /** Ends everything and takes the virtual server away. */
  async clear(): Promise<void> {
    const cared = this.#children.has("care");
    await Promise.all(
      [...this.#children.keys()].map((name) => this.kill(name, name === "care" ? "SIGTERM" : "SIGKILL")),
    );
    if (cared && process.getuid?.() === 0) await this.#run(["care", "--vs", this.#virtualServer, "--clean"]);
    rmSync(this.#runtimeDirectory, { recursive: true, force: true });
  }

  #start(name: string, command: string[], output: "ignore" | "inherit"): Bun.Subprocess {
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
      timeout: 10_000,
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
