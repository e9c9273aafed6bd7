/**
 * Something that costs to be read, for anybody who asks, and however often: a few times a second it is read anew, and for as long as that
 * takes little; then those who ask in the same second have what was read last. So nobody who asks a lot keeps it from the others, nor this
 * process from its work.
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

  /** No older than a second. Those who ask while it is read share that. */
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
