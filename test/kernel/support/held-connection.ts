import { LineProcess } from "./line-process.ts";
import type { Namespace } from "./namespace.ts";

/** A client with one connection on which it sends a little again and again, and which it never closes. */
export class HeldConnection implements AsyncDisposable {
  readonly #process: LineProcess;

  /** It is open when this resolves. */
  static async open(namespace: Namespace, address: string): Promise<HeldConnection> {
    const process = await LineProcess.start(namespace, "held-connection-process.ts");
    await process.ask(`open ${address}`);
    return new HeldConnection(process);
  }

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  /** `open`, `closed`, or the error that ended it, such as `ECONNRESET`. */
  state(): Promise<string> {
    return this.#process.ask("state");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}
