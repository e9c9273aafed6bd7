import type { Clock } from "../clock.ts";

/**
 * How many checks start when. They start in slots. Each slot takes its share of the interval, times `CATCH_UP` for
 * late checks. In one turn of the event loop, checks start only until `TURN_MS` is used up: they may end at once, and
 * much may be decided by them.
 */
export class StartPace {
  readonly #clock: Clock;
  /** Checks a millisecond that all intervals together ask for. */
  #rate = 0;
  #slot = { sinceMs: Number.NEGATIVE_INFINITY, started: 0 };
  /** Since when checks were hurried in this turn; undefined before the first of them. */
  #hurriedSinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** This many checks a millisecond are added; a negative number takes them away. */
  ask(rate: number): void {
    this.#rate += rate;
  }

  /** More may start from this time on; a time in the past means now. */
  get opensAtMs(): number {
    return this.isFull ? this.#slot.sinceMs + SLOT_MS : Number.NEGATIVE_INFINITY;
  }

  get isFull(): boolean {
    return this.#slot.started >= Math.max(FEWEST_PER_SLOT, Math.round(CATCH_UP * this.#rate * SLOT_MS));
  }

  /** Checks are about to start. */
  enter(nowMs: number): void {
    if (nowMs - this.#slot.sinceMs >= SLOT_MS) this.#slot = { sinceMs: nowMs, started: 0 };
  }

  started(): void {
    this.#slot.started++;
  }

  /** Whether a turn that began then has taken long enough. */
  isTurnOver(sinceMs: number): boolean {
    return this.#clock.now() - sinceMs >= TURN_MS;
  }

  /** Whether a check may start in the midst of something else: when hundreds ask for that in one turn, not all of them. */
  mayHurry(nowMs: number): boolean {
    if (this.#hurriedSinceMs === undefined) {
      this.#hurriedSinceMs = nowMs;
      this.#clock.setTimeout(() => (this.#hurriedSinceMs = undefined), 0);
    }
    return nowMs - this.#hurriedSinceMs < TURN_MS;
  }
}

// --- internal ---

const SLOT_MS = 10;
const FEWEST_PER_SLOT = 10;
const CATCH_UP = 4;

/** Nothing else gets a turn meanwhile. */
const TURN_MS = 10;
