/**
 * The time in which this process had its turns. Where a busy machine stops a whole guest for seconds, whoever is compared with this process stood
 * still, too: of such a while only a beat counts.
 */
export class OwnTime {
  #lastMs = performance.now();
  #lostMs = 0;

  constructor() {
    setInterval(() => this.now(), BEAT_MS);
  }

  now(): number {
    const nowMs = performance.now();
    this.#lostMs += Math.max(0, nowMs - this.#lastMs - 2 * BEAT_MS);
    this.#lastMs = nowMs;
    return nowMs - this.#lostMs;
  }

  /** Calls it once so much of this time is over. */
  after(ms: number, call: () => void): void {
    const dueMs = this.now() + ms;
    const timer = setInterval(() => {
      if (this.now() < dueMs) return;
      clearInterval(timer);
      call();
    }, BEAT_MS);
  }
}

// --- internal ---

const BEAT_MS = 50;
