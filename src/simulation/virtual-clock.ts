import type { Clock } from "../probe/clock.ts";
import { DueQueue, type Due } from "../probe/due-queue.ts";

/**
 * A clock whose time passes only by `advance`: timers fire in order, each at its own moment, repeated ones as often
 * as they are due.
 */
export class VirtualClock implements Clock {
  readonly #queue = new DueQueue<Moment>();
  readonly #moments = new Map<number, Moment>();
  #nowMs = 0;

  readonly now = (): number => this.#nowMs;

  setTimeout(fire: () => void, delayMs: number): unknown {
    const timer: Timer = { fire };
    this.#momentAt(this.#nowMs + Math.max(0, delayMs)).timers.push(timer);
    return timer;
  }

  /** Nothing happens when it has rung already. */
  clearTimeout(timer: unknown): void {
    if (timer !== undefined) (timer as Timer).fire = undefined;
  }

  /** Timers that have not fired yet. */
  get armed(): number {
    const later = [...this.#moments.values()].filter(({ dueMs }) => dueMs > this.#nowMs);
    return later.reduce((sum, { timers }) => sum + timers.filter(({ fire }) => fire !== undefined).length, 0);
  }

  /** Lets time pass; promises settle between two timers. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const moment = this.#queue.first();
      if (moment === undefined || moment.dueMs > untilMs) break;
      this.#nowMs = moment.dueMs;
      // Timers that are set meanwhile, with no delay, come last.
      for (const { fire } of moment.timers) {
        if (fire === undefined) continue;
        fire();
        await settle();
      }
      this.#queue.remove(moment);
      this.#moments.delete(moment.dueMs);
    }
    this.#nowMs = untilMs;
  }

  // --- internal ---

  #momentAt(dueMs: number): Moment {
    const known = this.#moments.get(dueMs);
    if (known !== undefined) return known;
    const moment: Moment = { dueMs, position: -1, timers: [] };
    this.#moments.set(dueMs, moment);
    this.#queue.push(moment);
    return moment;
  }
}

// --- internal ---

interface Timer {
  /** Undefined once it was cleared. */
  fire: (() => void) | undefined;
}

/** All timers that are due at the same time, in the order they were set. */
interface Moment extends Due {
  readonly timers: Timer[];
}

/** Its turn comes when no promise has anything left to do. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
