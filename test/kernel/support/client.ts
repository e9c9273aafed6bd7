import { LineProcess } from "./line-process.ts";
import type { Namespace } from "./namespace.ts";
import { waitFor } from "./wait-for.ts";

/** How often each answer came, such as the address of an echo server; a request that failed counts as its error. */
export type Answers = Readonly<Record<string, number>>;

/** A process that makes HTTP requests to one address, one after the other, each on a connection of its own. */
export class Client implements AsyncDisposable {
  readonly #process: LineProcess;

  static async start(namespace: Namespace, address: string): Promise<Client> {
    const process = await LineProcess.start(namespace, "client-process.ts");
    await process.ask(`target ${address}`);
    return new Client(process);
  }

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  async request(times: number): Promise<Answers> {
    return JSON.parse(await this.#process.ask(`request ${times}`)) as Answers;
  }

  /**
   * Who answers as many requests as it takes to come to each of so many real servers, in the order of their addresses. How often each does is
   * no business of a daemon's clients where it tries the way itself now and then: that takes a turn, too.
   */
  async askEach(servers: number): Promise<readonly string[]> {
    return Object.keys(await this.request(4 * servers)).toSorted();
  }

  /** Makes some thirty requests a second until `finish`. */
  async begin(): Promise<void> {
    await this.#process.ask("begin");
  }

  /** Waits until so many more answers have come of what `begin` began: who is drained before its turn came would be in none. */
  async answersCome(count: number): Promise<void> {
    const enough = (await this.#count()) + count;
    await waitFor(
      () => this.#count(),
      (answered) => answered >= enough,
    );
  }

  /** Ends what `begin` began. */
  async finish(): Promise<Answers> {
    return JSON.parse(await this.#process.ask("finish")) as Answers;
  }

  async #count(): Promise<number> {
    return Number(await this.#process.ask("count"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}
