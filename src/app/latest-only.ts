/**
 * Does one thing at a time. Of the requests that come meanwhile only the latest is done: those that it takes the place
 * of settle as it does.
 */
export class LatestOnly<Request, Result> {
  readonly #carryOut: (request: Request) => Promise<Result>;
  /** Never rejects. */
  #running: Promise<unknown> | undefined;
  #next: { request: Request; readonly result: Promise<Result> } | undefined;

  constructor(carryOut: (request: Request) => Promise<Result>) {
    this.#carryOut = carryOut;
  }

  request(request: Request): Promise<Result> {
    if (this.#next !== undefined) {
      this.#next.request = request;
      return this.#next.result;
    }
    if (this.#running === undefined) return this.#begin(request);
    const result = this.#running.then(() => {
      const latest = this.#next?.request ?? request;
      this.#next = undefined;
      return this.#begin(latest);
    });
    this.#next = { request, result };
    return result;
  }

  /** Resolves when nothing is being done, and nothing waits. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  // --- internal ---

  #begin(request: Request): Promise<Result> {
    const result = this.#carryOut(request);
    this.#running = this.#over(result);
    return result;
  }

  async #over(result: Promise<Result>): Promise<void> {
    await Promise.allSettled([result]);
    if (this.#next === undefined) this.#running = undefined;
  }
}
