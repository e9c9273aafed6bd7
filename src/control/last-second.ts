/**
 * Limits how often an expensive value is read, for any number of callers. As long as a reading is cheap, the value is
 * read again a few times a second; beyond that, callers within the same second share the last one. So a caller that
 * asks a lot neither blocks the others nor keeps this process from its work.
 */
export class LastSecond<T> {
  readonly #read: () => Promise<T>;
  readonly #now: () => number;
  #second = { sinceMs: Number.NEGATIVE_INFINITY, readings: 0, tookMs: 0 };
  #last: Promise<T> | undefined;
  #isUnderWay = false;

  constructor(read: () => Promise<T>, now: () => number) {
    this.#read = read;
    this.#now = now;
  }

  /** No older than a second. Callers during a reading share it. */
  get(): Promise<T> {
    const nowMs = this.#now();
    if (this.#last !== undefined && this.#isUnderWay) return this.#last;
    if (nowMs - this.#second.sinceMs >= 1000) this.#second = { sinceMs: nowMs, readings: 0, tookMs: 0 };
    const { readings, tookMs } = this.#second;
    if (this.#last !== undefined && readings > 0 && (readings >= MOST_READINGS || tookMs >= MOST_MS)) return this.#last;
    this.#second.readings++;
    this.#isUnderWay = true;
    this.#last = this.#read().finally(() => {
      this.#isUnderWay = false;
      this.#second.tookMs += this.#now() - nowMs;
    });
    return this.#last;
  }
}

// --- internal ---

/** Of a second. */
const MOST_READINGS = 30;
const MOST_MS = 50;
