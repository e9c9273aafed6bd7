/**
 * Says when a check takes a new connection although one is kept: a server that answers over old connections may have
 * stopped accepting new ones. A new connection costs both sides several times as much as a check over the kept one.
 *
 * When many real servers were dialled at once, each gets its first turn by the moment of its next check. So they are
 * not all dialled in the same second later, but servers that are checked together are dialled together, which costs
 * less.
 *
 * Where a budget keeps checks far apart, it is their number alone that counts: else each would be a new connection.
 */
export class ReconnectSchedule {
  readonly #isPaced: () => boolean;
  #latestMs = Number.NEGATIVE_INFINITY;
  /** Checks that may still go over the kept connection; undefined before the first turn is known. */
  #left: number | undefined;

  constructor(isPaced: () => boolean = () => false) {
    this.#isPaced = isPaced;
  }

  isDue(nowMs: number): boolean {
    return this.#left === 0 || (nowMs >= this.#latestMs && !this.#isPaced());
  }

  /** A connection was made, in its turn or because there was none. */
  made(nowMs: number): void {
    const isInTurn = this.#left !== undefined && this.isDue(nowMs);
    this.#left = isInTurn ? SPARED : undefined;
    this.#latestMs = nowMs + WITHIN_MS;
  }

  /** A check goes over the kept connection. */
  spared(nowMs: number): void {
    this.#left ??= 1 + Math.floor(((nowMs % 1000) / 1000) * SPARED);
    this.#left--;
  }
}

// --- internal ---

/** This many checks in a row use the kept connection, and every tenth makes a new one. */
const SPARED = 9;

const WITHIN_MS = 20_000;
