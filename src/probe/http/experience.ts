import { IdleLimit } from "./idle-limit.ts";

/**
 * What was learned of keeping connections to one real server: none is kept where it does harm or no good. Whoever ends them soon is not bothered
 * again for a while; whoever serves one connection at a time, for a longer while each time.
 */
export class Experience {
  readonly #worthMs: number;
  readonly #limit = new IdleLimit();
  #unlearnedUntilMs = Number.NEGATIVE_INFINITY;
  #earlyEnds = 0;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #timesMisled = 0;
  #bareUntilMs = Number.NEGATIVE_INFINITY;
  #timesCrowdedOut = 0;
  #crowdedRestMs = REST_MS;
  #hasLeftRoom = false;

  /** Connections that end sooner than `worthMs` are not worth keeping. */
  constructor(worthMs: number) {
    this.#worthMs = worthMs;
  }

  mayKeep(nowMs: number): boolean {
    return nowMs >= this.#restUntilMs;
  }

  /** Whether checks may go over a kept connection; otherwise one that carries nothing serves as well to see its end. */
  mayAskAgain(nowMs: number): boolean {
    return nowMs >= this.#bareUntilMs;
  }

  /** Known by a new connection that was served while one was kept. Until then that one may be what keeps the server from serving others. */
  get isHarmless(): boolean {
    return this.#hasLeftRoom;
  }

  /** Something should happen on a kept connection within so many milliseconds; undefined when no limit is known. */
  get renewWithinMs(): number | undefined {
    return this.#limit.renewWithinMs;
  }

  /** A kept connection stood though nothing happened on it for so long. */
  stoodFor(idleMs: number): void {
    this.#limit.stoodFor(idleMs);
  }

  /** A kept connection ended that was so old and had been idle for so long, and the server is well all the same. */
  ended({ ageMs, idleMs }: { readonly ageMs: number; readonly idleMs: number }, nowMs: number): void {
    if (idleMs < (this.#limit.renewWithinMs ?? 0)) {
      // It was renewed in time, and that was no help: connections end there for another reason, such as their age.
      this.#limit.forget();
      this.#unlearnedUntilMs = nowMs + REST_MS;
    } else if (idleMs >= this.#worthMs && nowMs >= this.#unlearnedUntilMs) this.#limit.closedAfter(idleMs);
    this.#earlyEnds = ageMs < this.#worthMs ? this.#earlyEnds + 1 : 0;
    if (this.#earlyEnds < MOST_EARLY_ENDS) return;
    this.#earlyEnds = 0;
    this.#restUntilMs = nowMs + REST_MS;
  }

  /** A check passed over the kept connection. */
  carriedCheck(): void {
    this.#timesMisled = 0;
  }

  /** A check passed over a new connection that over the kept one had not. */
  misled(nowMs: number): void {
    if (++this.#timesMisled < MOST_MISLED) return;
    this.#timesMisled = 0;
    this.#bareUntilMs = nowMs + REST_MS;
  }

  /** A check passed over a new connection while one was kept. */
  leftRoom(): void {
    this.#hasLeftRoom = true;
    this.#timesCrowdedOut = 0;
    this.#crowdedRestMs = REST_MS;
  }

  /** A check passed over a new connection only once the kept one was gone. */
  crowdedOut(nowMs: number): void {
    this.#hasLeftRoom = false;
    if (++this.#timesCrowdedOut < MOST_CROWDED_OUT) return;
    this.#timesCrowdedOut = 0;
    this.#restUntilMs = nowMs + this.#crowdedRestMs;
    this.#crowdedRestMs *= 2;
  }
}

// --- internal ---

// In a row: what happens less often may be chance.
const MOST_EARLY_ENDS = 3;
const MOST_MISLED = 2;
const MOST_CROWDED_OUT = 2;

const REST_MS = 600_000;
