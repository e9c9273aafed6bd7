/** The clock of the machines: milliseconds that pass even while this host sleeps, and timers. */
export interface Clock {
  now(): number;
  setTimeout(fire: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** A clock that also waits for input. */
export interface EventLoopClock extends Clock {
  /**
   * Calls back after the event loop has had a turn for input: earlier input is handled first, even if this process
   * was held up until now.
   */
  afterInput(call: () => void): void;
}

/** The time of this process, which no setting of the host's clock moves. Its timers keep no process alive. */
export const monotonicClock: EventLoopClock = {
  now: () => performance.now(),
  setTimeout: (fire, delayMs) => setTimeout(fire, delayMs).unref(),
  clearTimeout: (timer) => clearTimeout(timer as Timer),
  // Two turns: the first can still belong to the round of timers that was held up.
  afterInput: (call) => void setImmediate(() => setImmediate(call)),
};
