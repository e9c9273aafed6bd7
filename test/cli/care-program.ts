import { tmpdir } from "node:os";
import { formatEndpoint, type Endpoint } from "../../src/domain/endpoint.ts";
import type { StatusReport, VirtualServerStatus } from "../../src/domain/status.ts";
import { linesOf } from "../kernel/support/line-process.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { LVSCARE, runProgram } from "./run-program.ts";

/** What a real server answers that is alive. */
export const ALIVE = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

export interface CareProgramOptions {
  readonly command?: "care" | "ipvs";
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * `lvscare care` in a process of its own, on the data plane that every machine has, in front of one real server. It checks by plain
 * HTTP and, unless told otherwise, once only.
 */
export class CareProgram implements AsyncDisposable {
  /** The virtual server's address. */
  readonly address: string;
  readonly child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** For as long as this lasts nobody else is given that port, though the daemon takes it at another address. */
  readonly #reservation = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  readonly #environment: Record<string, string>;
  readonly #lines: string[] = [];
  readonly #logged: Promise<void>;

  constructor(realServer: Endpoint, { command = "care", flags = [], environment = {} }: CareProgramOptions = {}) {
    this.address = `127.77.0.3:${this.#reservation.port}`;
    this.#environment = { XDG_RUNTIME_DIR: tmpdir(), ...environment };
    const servers = ["--vs", this.address, "--rs", formatEndpoint(realServer)];
    // The real server is in a test's own process, which may be held up.
    const setting = [
      "--data-plane=userspace",
      "--mode=",
      "--health-schem=http",
      "--interval=1h",
      "--health-timeout=1m",
    ];
    this.child = Bun.spawn([...LVSCARE, command, ...servers, ...setting, ...flags], {
      env: this.#environment,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#logged = this.#collect();
  }

  log(): readonly string[] {
    return this.#lines;
  }

  /** Waits for a line like this and returns it. */
  async waitForLog(pattern: RegExp): Promise<string> {
    const found = (): string | undefined => this.#lines.find((line) => pattern.test(line));
    await waitFor(
      () => this.#lines,
      () => found() !== undefined || this.child.exitCode !== null,
    );
    if (this.child.exitCode !== null) await this.#logged;
    const line = found();
    if (line === undefined) throw new Error(`ended without logging ${pattern}:\n${this.#lines.join("\n")}`);
    return line;
  }

  /** The reason that the first check passed or failed with. */
  async firstVerdict(): Promise<string> {
    const line = await this.waitForLog(/ recovering → (healthy|removed): /);
    return line.slice(line.indexOf("→") + 2);
  }

  /** What `lvscare status` says of it, once it answers. */
  async status(): Promise<VirtualServerStatus | undefined> {
    const ask = async (): Promise<StatusReport | undefined> => {
      const { code, stdout } = await runProgram(["status", "-o", "json", "--vs", this.address], this.#environment);
      return code === 0 ? (JSON.parse(stdout) as StatusReport) : undefined;
    };
    return (await waitFor(ask, (report) => report !== undefined || this.child.exitCode !== null))?.virtualServers[0];
  }

  /** Sends these signals, and returns the exit code once everything was logged. */
  async stop(...signals: readonly NodeJS.Signals[]): Promise<number> {
    for (const signal of signals) this.child.kill(signal);
    const [code] = await Promise.all([this.child.exited, this.#logged]);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Not by SIGKILL: its socket would stay behind.
    await this.stop("SIGTERM");
    this.#reservation.stop(true);
  }

  async #collect(): Promise<void> {
    for await (const line of linesOf(this.child.stderr)) this.#lines.push(line);
  }
}
