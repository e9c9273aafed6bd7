/**
 * Says when a check takes a new connection though one is kept: a server that answers over old connections may have stopped accepting new
 * ones. A new one costs both sides several times what a request over the kept one does.
 *
 * Of real servers that were all dialled at once, each has its first turn by the moment at which it is checked after that: from then on they are not
 * dialled in the same second, and those that are checked together are dialled together, which costs less than one here and one there.
 */
export class FreshConnections {
  #latestMs = Number.NEGATIVE_INFINITY;
  /** Requests that may still go over the kept connection; undefined before the first turn is known. */
  #left: number | undefined;

  isDue(nowMs: number): boolean {
    return this.#left === 0 || nowMs >= this.#latestMs;
  }

  /** A connection was made, in its turn or because there was none. */
  made(nowMs: number): void {
    this.#left = this.#left === 0 ? REQUESTS - 1 : undefined;
    this.#latestMs = nowMs + WITHIN_MS;
  }

  /** A request goes over the kept connection. */
  spared(nowMs: number): void {
    this.#left ??= 1 + Math.floor(((nowMs % 1000) / 1000) * REQUESTS);
    this.#left--;
  }
}

// --- internal ---

/** One of so many makes its connection. */
const REQUESTS = 10;

/** Four checks at the default interval. */
const WITHIN_MS = 20_000;
