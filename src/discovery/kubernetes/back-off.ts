import type { Clock } from "../../probe/clock.ts";

/** How long to wait after failures in a row (kubernetes/client-go, tools/cache/reflector.go: the same times). */
export class BackOff {
  readonly #clock: Pick<Clock, "now">;
  readonly #random: () => number;
  #nextMs = FIRST_MS;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "now">, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** After one more. */
  next(): number {
    const nowMs = this.#clock.now();
    if (nowMs - this.#lastMs >= PEACE_MS) this.#nextMs = FIRST_MS;
    this.#lastMs = nowMs;
    const ms = this.#nextMs * (1 + this.#random());
    this.#nextMs = Math.min(LAST_MS, 2 * this.#nextMs);
    return ms;
  }
}

// --- internal ---

const FIRST_MS = 800;
const LAST_MS = 30_000;
/** Without a failure for so long, the next one is a first one. */
const PEACE_MS = 120_000;
