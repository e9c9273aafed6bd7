import type { Clock, EventLoopClock } from "../probe/clock.ts";

/** The clock of one simulated process: its timers ring late while it is held up, and never again once it was killed. */
export class ProcessClock implements EventLoopClock {
  readonly #world: Clock;
  #heldUntilMs = Number.NEGATIVE_INFINITY;
  #isDead = false;

  constructor(world: Clock) {
    this.#world = world;
  }

  readonly now = (): number => this.#world.now();

  get isDead(): boolean {
    return this.#isDead;
  }

  setTimeout(fire: () => void, delayMs: number): unknown {
    const timer: ProcessTimer = { handle: undefined };
    const ring = (): void => {
      if (this.#isDead) return;
      const lateMs = this.#heldUntilMs - this.now();
      if (lateMs > 0) timer.handle = this.#world.setTimeout(ring, lateMs);
      else fire();
    };
    timer.handle = this.#world.setTimeout(ring, delayMs);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    if (timer !== undefined) this.#world.clearTimeout((timer as ProcessTimer).handle);
  }

  /** Immediately, or as soon as the process is no longer held up. */
  run(act: () => void): void {
    const lateMs = this.#heldUntilMs - this.now();
    if (lateMs > 0) this.setTimeout(act, lateMs);
    else if (!this.#isDead) act();
  }

  /** After all that comes at this moment. */
  afterInput(call: () => void): void {
    this.setTimeout(() => this.setTimeout(call, 0), 0);
  }

  /** The process gets no turn for this long, as on a starved or suspended host; time goes on anyway. */
  stall(ms: number): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, this.now() + ms);
  }

  kill(): void {
    this.#isDead = true;
  }
}

// --- internal ---

interface ProcessTimer {
  handle: unknown;
}
