/** Two observations this near to each other show a rule. */
const ALIKE = 0.25;
/** Renewed after this part of the limit. */
const MARGIN = 0.8;

/** Learns from observation after which time a server closes an idle connection. */
export class IdleLimit {
  #seenMs: number | undefined;
  #limitMs: number | undefined;

  /** A connection was closed after this long without traffic, and the server still answers. */
  closedAfter(idleMs: number): void {
    const before = this.#seenMs;
    this.#seenMs = idleMs;
    if (before !== undefined && Math.abs(idleMs - before) <= ALIKE * Math.max(idleMs, before)) {
      this.#limitMs = Math.min(idleMs, before);
    }
  }

  /** A connection was idle for this long and stayed open: a shorter limit that was learned is wrong. */
  stoodFor(idleMs: number): void {
    if (this.#limitMs !== undefined && idleMs > this.#limitMs) this.#limitMs = undefined;
  }

  forget(): void {
    this.#seenMs = undefined;
    this.#limitMs = undefined;
  }

  /** There should be traffic on a connection within this many milliseconds; undefined when no limit is known. */
  get renewWithinMs(): number | undefined {
    return this.#limitMs === undefined ? undefined : this.#limitMs * MARGIN;
  }
}
