import { LineProcess } from "./line-process.ts";
import type { Namespace } from "./namespace.ts";

/** HTTP servers of one process, each at an address such as `127.0.0.1:8081` or `[fd00::1]:80`; the body of their answers is that address. */
export class EchoServers implements AsyncDisposable {
  readonly #process: LineProcess;

  /** All of them listen when this resolves. */
  static async start(namespace: Namespace, addresses: readonly string[]): Promise<EchoServers> {
    const servers = new EchoServers(await LineProcess.start(namespace, "echo-server-process.ts"));
    await servers.open(...addresses);
    return servers;
  }

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  async open(...addresses: readonly string[]): Promise<void> {
    await this.#ask("open", addresses);
  }

  /** From now on connecting is refused; connections that are open are closed. */
  async close(...addresses: readonly string[]): Promise<void> {
    await this.#ask("close", addresses);
  }

  /** Connections since the start, checks included, by address. */
  async connections(): Promise<Readonly<Record<string, number>>> {
    return JSON.parse(await this.#process.ask("connections")) as Record<string, number>;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }

  async #ask(command: string, addresses: readonly string[]): Promise<void> {
    const answer = await this.#process.ask([command, ...addresses].join(" "));
    if (answer !== "done") throw new Error(answer);
  }
}
