/**
 * Aborts after so much time in which this process had its turns. While a host stands still, as one that was suspended or has too much to
 * do, nobody answers: then a deadline by the clock would find every answer late, however soon it comes after that.
 */
export class OwnTime implements Disposable {
  readonly #controller = new AbortController();
  #left = BEATS;
  #timer: Timer | undefined;

  constructor(ms: number) {
    this.#beat(ms / BEATS);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  // --- internal ---

  /** One that comes late counts no more than any other. */
  #beat(ms: number): void {
    this.#timer = setTimeout(() => {
      if (--this.#left > 0) this.#beat(ms);
      else this.#controller.abort();
    }, ms);
  }
}

// --- internal ---

/** The time is over by one of them too early or too late at most. */
const BEATS = 30;
