import { LineProcess } from "./line-process.ts";
import type { Namespace } from "./namespace.ts";

export type SteadyOrder =
  | { readonly kind: "hold"; readonly id: string; readonly address: string }
  | { readonly kind: "release"; readonly ids: readonly string[] }
  | { readonly kind: "ask" | "finish" }
  | { readonly kind: "begin"; readonly addresses: readonly string[] };

/** How often each answer came, by the address that was asked; a request that failed counts as its error. */
export type SteadyAnswers = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** One process of many clients: some hold their connections open, others make a new one for each request. */
export class SteadyClients implements AsyncDisposable {
  readonly #process: LineProcess;

  static async start(namespace: Namespace): Promise<SteadyClients> {
    return new SteadyClients(await LineProcess.start(namespace, "steady-clients-process.ts"));
  }

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  /** Opens a connection that stays open, and makes a request over it: resolves to the answer, or to what went wrong. */
  hold(id: string, address: string): Promise<string> {
    return this.#ask<string>({ kind: "hold", id, address });
  }

  /** Closes connections that were held. */
  async release(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#ask({ kind: "release", ids });
  }

  /** Makes a request over each connection that is held: the answers, or what went wrong. */
  askAll(): Promise<Readonly<Record<string, string>>> {
    return this.#ask({ kind: "ask" });
  }

  /** Makes requests to each of these until `finish`, one after the other, each on a connection of its own. */
  async begin(addresses: readonly string[]): Promise<void> {
    await this.#ask({ kind: "begin", addresses });
  }

  finish(): Promise<SteadyAnswers> {
    return this.#ask({ kind: "finish" });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }

  async #ask<T>(order: SteadyOrder): Promise<T> {
    return JSON.parse(await this.#process.ask(JSON.stringify(order))) as T;
  }
}
