import { IdleLimit } from "./idle-limit.ts";

/**
 * What was learned about keeping connections to one real server: none is kept where it does harm or no good. A server
 * that ends them early gets none for a while; one that serves one connection at a time, for a longer while each time.
 */
export class ReusePolicy {
  readonly #worthMs: number;
  readonly #limit = new IdleLimit();
  #unlearnedUntilMs = Number.NEGATIVE_INFINITY;
  readonly #endsEarly = new Penalty(3);
  readonly #answersWrong = new Penalty(2);
  readonly #blocksOthers = new Penalty(2, 2);
  #isHarmless = false;

  /** Connections that end sooner than `worthMs` are not worth keeping. */
  constructor(worthMs: number) {
    this.#worthMs = worthMs;
  }

  mayKeep(nowMs: number): boolean {
    return !this.#endsEarly.holds(nowMs) && !this.#blocksOthers.holds(nowMs);
  }

  /** Whether checks may use a kept connection. If not, an unused one still shows its end. */
  mayAskAgain(nowMs: number): boolean {
    return !this.#answersWrong.holds(nowMs);
  }

  /**
   * A new connection was served while one was kept. Until that is known, the kept one may be what keeps the server
   * from serving others.
   */
  get isHarmless(): boolean {
    return this.#isHarmless;
  }

  /** There should be traffic on a kept connection within this many milliseconds; undefined when no limit is known. */
  get renewWithinMs(): number | undefined {
    return this.#limit.renewWithinMs;
  }

  /** A kept connection stayed open for this long without traffic. */
  stoodFor(idleMs: number): void {
    this.#limit.stoodFor(idleMs);
  }

  /** A kept connection of this age ended after this idle time, and the server is healthy anyway. */
  ended({ ageMs, idleMs }: { readonly ageMs: number; readonly idleMs: number }, nowMs: number): void {
    if (idleMs < (this.#limit.renewWithinMs ?? 0)) {
      // It was renewed in time, and that was no help: connections end there for another reason, such as their age.
      this.#limit.forget();
      this.#unlearnedUntilMs = nowMs + REST_MS;
    } else if (idleMs >= this.#worthMs && nowMs >= this.#unlearnedUntilMs) this.#limit.closedAfter(idleMs);
    if (ageMs < this.#worthMs) this.#endsEarly.count(nowMs);
    else this.#endsEarly.forgive();
  }

  /** A check passed over the kept connection. */
  keptAnsweredWell(): void {
    this.#answersWrong.forgive();
  }

  /** A check passed over a new connection that over the kept one had not. */
  keptAnsweredWrong(nowMs: number): void {
    this.#answersWrong.count(nowMs);
  }

  /** A check passed over a new connection while one was kept. */
  servedBesideKept(): void {
    this.#isHarmless = true;
    this.#blocksOthers.forgive();
  }

  /** A check passed over a new connection only once the kept one was gone. */
  blockedByKept(nowMs: number): void {
    this.#isHarmless = false;
    this.#blocksOthers.count(nowMs);
  }
}

// --- internal ---

const REST_MS = 600_000;

/** Holds for a while when something has happened this many times in a row: rarer events may be chance. */
class Penalty {
  readonly #most: number;
  readonly #growth: number;
  #times = 0;
  #restMs = REST_MS;
  #untilMs = Number.NEGATIVE_INFINITY;

  /** `growth`: by how much longer it holds each time. */
  constructor(most: number, growth = 1) {
    this.#most = most;
    this.#growth = growth;
  }

  holds(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  count(nowMs: number): void {
    if (++this.#times < this.#most) return;
    this.#times = 0;
    this.#untilMs = nowMs + this.#restMs;
    this.#restMs *= this.#growth;
  }

  /** It did not happen this time: the count starts again. */
  forgive(): void {
    this.#times = 0;
    this.#restMs = REST_MS;
  }
}
