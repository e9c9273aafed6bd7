import type { EventLoopClock } from "../../../../src/probe/clock.ts";

/**
 * A clock for peers in this process that talk over real sockets: its time passes only while nothing else happens, from one timer to the next.
 * So what is to come before a timer does, however long this process gets no turn, and nobody waits for a timer.
 */
export class IdleClock implements EventLoopClock {
  readonly #timers = new Set<IdleTimer>();
  #nowMs: number;
  /** Somebody looked at it, or set a timer, since the last turn. */
  #isAsked = false;
  #isRunning = false;

  constructor(fromMs = 0) {
    this.#nowMs = fromMs;
  }

  readonly now = (): number => {
    this.#isAsked = true;
    return this.#nowMs;
  };

  setTimeout(fire: () => void, delayMs: number): unknown {
    const timer = { dueMs: this.now() + Math.max(0, delayMs), fire };
    this.#timers.add(timer);
    if (!this.#isRunning) void this.#run();
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#isAsked = true;
    this.#timers.delete(timer as IdleTimer);
  }

  afterInput(call: () => void): void {
    setImmediate(() => setImmediate(call));
  }

  // --- internal ---

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      await this.#quiet();
      if (next !== this.#next()) continue;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.fire();
    }
    this.#isRunning = false;
  }

  /** The earliest, and of those the one that was set first. */
  #next(): IdleTimer | undefined {
    let first: IdleTimer | undefined;
    for (const timer of this.#timers) if (first === undefined || timer.dueMs < first.dueMs) first = timer;
    return first;
  }

  async #quiet(): Promise<void> {
    for (
      let turns = 0, sinceMs = performance.now();
      turns < QUIET_TURNS || performance.now() < sinceMs + QUIET_MS;
      turns++
    ) {
      await new Promise((resolve) => void setImmediate(resolve));
      if (this.#isAsked) [turns, sinceMs] = [0, performance.now()];
      this.#isAsked = false;
    }
  }
}

// --- internal ---

interface IdleTimer {
  readonly dueMs: number;
  readonly fire: () => void;
}

/** Each takes all input that there is; what goes through several sockets needs a few of them. */
const QUIET_TURNS = 50;
/** A busy kernel may take a moment from one socket to the other. */
const QUIET_MS = 20;
