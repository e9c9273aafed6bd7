/** What a watch needs of time: milliseconds, and timers that keep no process alive. */
export interface WatchClock {
  now(): number;
  setTimeout(fire: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** How something is looked at. */
export interface Look {
  /** Whether it is as it should be. Rejects where that cannot be told. */
  readonly isAsKnown: () => Promise<boolean>;
  /** A first look at hardly any cost: true where it is as it was, and `isAsKnown` need not be asked. */
  readonly isAsBefore?: () => boolean;
}

/** Something that is looked at until it deviates. */
export interface Watched {
  /** When it was last found as it should be, on the watch's clock; minus infinity before the first look. */
  readonly seenAtMs: number;
  /** Idempotent. */
  leave(): void;
}

/**
 * Looks at what nothing happens to, such as the tables of virtual servers and the ways to them: at many in one turn,
 * and without their machines, whose rounds that find nothing would cost several times as much.
 */
export class QuietWatch {
  readonly #clock: WatchClock;
  readonly #entries = new Set<Entry>();
  /** For the next that is due. */
  #timer: { readonly atMs: number; readonly handle: unknown } | undefined;

  constructor(clock: WatchClock) {
    this.#clock = clock;
  }

  /**
   * Looks every so often, for the first time a little sooner than that, so that many share a turn. When it is not as
   * it should be, or that cannot be told, it is watched no longer and `deviates` is called.
   */
  join(everyMs: number, look: Look, deviates: () => void): Watched {
    const nowMs = this.#clock.now();
    const dueAtMs = sharedMoment(nowMs + everyMs, everyMs);
    const entry: Entry = { everyMs, dueAtMs, seenAtMs: Number.NEGATIVE_INFINITY, look, deviates };
    this.#entries.add(entry);
    this.#wakeFor(entry.dueAtMs);
    return {
      get seenAtMs() {
        return entry.seenAtMs;
      },
      leave: () => {
        this.#entries.delete(entry);
        if (this.#entries.size === 0) this.#sleep();
      },
    };
  }

  // --- internal ---

  /** Late by some: those that are due soon after share the turn. */
  #wakeFor(dueAtMs: number): void {
    const atMs = dueAtMs + STEP_MS;
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
    this.#sleep();
    const wake = (): void => {
      this.#timer = undefined;
      void this.#lookAtDue();
    };
    this.#timer = { atMs, handle: this.#clock.setTimeout(wake, Math.max(0, atMs - this.#clock.now())) };
  }

  #sleep(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  /** Some at a time: they may share what they look at, and yet what a look takes is not taken by all at once. */
  async #lookAtDue(): Promise<void> {
    const nowMs = this.#clock.now();
    const due = [...this.#entries].filter(({ dueAtMs }) => dueAtMs <= nowMs);
    for (const entry of due) entry.dueAtMs += entry.everyMs * Math.ceil((nowMs - entry.dueAtMs + 1) / entry.everyMs);
    if (this.#entries.size > 0) this.#wakeFor(Math.min(...Array.from(this.#entries, ({ dueAtMs }) => dueAtMs)));
    // All of these in one turn: they read one list.
    const left = due.filter((entry) => {
      const isAsBefore = entry.look.isAsBefore?.() ?? false;
      if (isAsBefore) entry.seenAtMs = nowMs;
      return !isAsBefore;
    });
    for (let first = 0; first < left.length; first += AT_ONCE) {
      if (first > 0) await new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, 0));
      const some = left.slice(first, first + AT_ONCE).filter((entry) => this.#entries.has(entry));
      await Promise.all(some.map((entry) => this.#look(entry, nowMs)));
    }
  }

  async #look(entry: Entry, nowMs: number): Promise<void> {
    const isAsKnown = await entry.look.isAsKnown().catch(() => false);
    if (isAsKnown) entry.seenAtMs = nowMs;
    // It may have left meanwhile.
    else if (this.#entries.delete(entry)) entry.deviates();
  }
}

// --- internal ---

interface Entry {
  readonly everyMs: number;
  dueAtMs: number;
  seenAtMs: number;
  readonly look: Look;
  readonly deviates: () => void;
}

/** Those that are looked at equally often have few such moments in an interval, whenever each began. */
function sharedMoment(atMs: number, everyMs: number): number {
  const step = everyMs / MOMENTS;
  return Math.floor(atMs / step) * step;
}

/** In an interval: one would be cheapest, and its first look after a change too soon. */
const MOMENTS = 4;

/** A look at a virtual server of ten real servers takes some fifty microseconds. */
const AT_ONCE = 100;

/** Those that are due within this time share a turn. */
const STEP_MS = 50;
