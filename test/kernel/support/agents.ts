import { LineProcess } from "./line-process.ts";
import type { Namespace } from "./namespace.ts";

/** Agents of one process, each at an address such as `127.0.0.1:9777`, that say a line to whoever connects, as HAProxy's do. */
export class Agents implements AsyncDisposable {
  readonly #process: LineProcess;

  static async start(namespace: Namespace): Promise<Agents> {
    return new Agents(await LineProcess.start(namespace, "agents-process.ts"));
  }

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  /** Listens there when this resolves. */
  async say(address: string, line: string): Promise<void> {
    await this.#ask(`say ${address} ${line}`);
  }

  /** From now on connecting is refused. */
  async stop(address: string): Promise<void> {
    await this.#ask(`stop ${address}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }

  async #ask(order: string): Promise<void> {
    const answer = await this.#process.ask(order);
    if (answer !== "done") throw new Error(answer);
  }
}
