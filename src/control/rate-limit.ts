/** Allows a number of something in a second, counted from the first one. */
export class RateLimit {
  readonly #most: number;
  readonly #now: () => number;
  #second = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 };

  constructor(mostPerSecond: number, now: () => number) {
    this.#most = mostPerSecond;
    this.#now = now;
  }

  /** Counts one more; false when that is one too many. */
  allows(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#second.sinceMs >= 1000) this.#second = { sinceMs: nowMs, count: 0 };
    return ++this.#second.count <= this.#most;
  }
}
