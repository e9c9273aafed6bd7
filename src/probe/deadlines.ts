import type { EventLoopClock } from "./clock.ts";
import { DueQueue, type Due } from "./due-queue.ts";

export interface Deadline {
  /** Idempotent; nothing happens when it is over. */
  cancel(): void;
}

/** What waits for its deadline itself, instead of having one: one object less for each of many. */
export interface Expiring extends Due {
  dueMs: number;
  /** `nowMs`: no earlier than it was due, and later where this process was held up. */
  expired(nowMs: number): void;
}

/** Longer than this, a timer of the runtime fires immediately. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * The deadlines of many probes with one timer of the runtime. Nearly all are cancelled long before they are due, so
 * each costs a place in a queue and no timer.
 *
 * A deadline passes only after the event loop has had a turn for input: if our own process was held up, the input
 * from that time is handled before any server is declared late.
 */
export class Deadlines {
  readonly #clock: EventLoopClock;
  readonly #queue = new DueQueue<Expiring>();
  #timer: { readonly handle: unknown; readonly atMs: number } | undefined;

  /**
   * Its timers may fire for nothing, and must not keep a process alive for that: a probe that waits has a socket,
   * which does.
   */
  constructor(clock: EventLoopClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, expired: () => void): Deadline {
    const waiting = new Waiting(this, expired);
    this.add(waiting, this.#clock.now() + ms);
    return waiting;
  }

  /** Until it is removed it waits, which it must not do already; `dueMs` is a time of the clock. */
  add(waiting: Expiring, dueMs: number): void {
    waiting.dueMs = dueMs;
    this.#queue.push(waiting);
    this.#arm(dueMs);
  }

  /** Idempotent; nothing happens when it is over. */
  remove(waiting: Expiring): void {
    this.#queue.remove(waiting);
    // Most answers come long before their deadlines: with none left, this process need not wake up for them.
    if (this.#timer === undefined || this.#queue.first() !== undefined) return;
    this.#clock.clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  // --- internal ---

  #arm(dueMs: number): void {
    if (this.#timer !== undefined && this.#timer.atMs <= dueMs) return;
    const clock = this.#clock;
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer.handle);
    const waitMs = Math.min(LONGEST_MS, Math.max(0, Math.ceil(dueMs - clock.now())));
    const handle = clock.setTimeout(() => this.#ring(), waitMs);
    this.#timer = { handle, atMs: dueMs };
  }

  #ring(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    const first = this.#queue.first();
    // Nearly always, what the timer was set for was cancelled meanwhile.
    if (first === undefined) return;
    if (first.dueMs > nowMs) this.#arm(first.dueMs);
    else this.#clock.afterInput(() => this.#expire(nowMs));
  }

  #expire(untilMs: number): void {
    for (;;) {
      const first = this.#queue.first();
      if (first === undefined) return;
      if (first.dueMs > untilMs) return this.#arm(first.dueMs);
      this.#queue.remove(first);
      first.expired(untilMs);
    }
  }
}

// --- internal ---

class Waiting implements Deadline, Expiring {
  dueMs = 0;
  position = -1;
  readonly expired: () => void;
  readonly #deadlines: Deadlines;

  constructor(deadlines: Deadlines, expired: () => void) {
    this.#deadlines = deadlines;
    this.expired = expired;
  }

  cancel(): void {
    this.#deadlines.remove(this);
  }
}
