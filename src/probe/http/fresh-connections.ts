/**
 * Says when a check takes a new connection though one is kept: a server that answers over old connections may have stopped accepting new
 * ones. A new one costs both sides several times what a request over the kept one does. Lots are drawn for when it comes, so that of real servers
 * that started together not all are dialled in the same second.
 */
export class FreshConnections {
  readonly #random: () => number;
  #dueAtMs = Number.NEGATIVE_INFINITY;
  /** Requests that may still go over the kept connection. */
  #left = 0;

  /** `random`: from 0 to 1, as Math.random. */
  constructor(random: () => number) {
    this.#random = random;
  }

  isDue(nowMs: number): boolean {
    return this.#left === 0 || nowMs >= this.#dueAtMs;
  }

  made(nowMs: number): void {
    const share = 1 + SPREAD * (this.#random() - 0.5);
    this.#dueAtMs = nowMs + WITHIN_MS * share;
    this.#left = Math.round(REQUESTS * share) - 1;
  }

  /** A request goes over the kept connection. */
  spared(): void {
    this.#left--;
  }
}

// --- internal ---

/** On the average, one of so many requests makes its connection. */
const REQUESTS = 10;

/** On the average; four checks at the default interval. */
const WITHIN_MS = 20_000;

/** From 7 to 13 requests, from 14 to 26 seconds. */
const SPREAD = 0.6;
