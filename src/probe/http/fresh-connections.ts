/**
 * Says when a check takes a new connection though one is kept: a server that answers over old connections may have stopped accepting new
 * ones. A new one costs both sides several times what a request over the kept one does.
 */
export class FreshConnections {
  #madeAtMs = Number.NEGATIVE_INFINITY;
  #requestsSince = 0;

  isDue(nowMs: number): boolean {
    return this.#requestsSince >= MOST_REQUESTS - 1 || nowMs - this.#madeAtMs >= WITHIN_MS;
  }

  made(nowMs: number): void {
    this.#madeAtMs = nowMs;
    this.#requestsSince = 0;
  }

  /** A request goes over the kept connection. */
  spared(): void {
    this.#requestsSince++;
  }
}

// --- internal ---

/** Of so many requests at least one makes its connection. */
const MOST_REQUESTS = 10;

/** Four checks at the default interval. */
const WITHIN_MS = 20_000;
