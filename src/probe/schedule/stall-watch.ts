import type { Clock } from "../clock.ts";

export interface StallWatchOptions {
  readonly clock: Clock;
  /** Called once for each stall. */
  readonly stalled: (forMs: number) => void;
}

/** Notices when this process got no turn for so long that what it waited for may have failed because of that. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  /** `atMs`: when this process was last seen to have a turn. */
  #beat: { readonly handle: unknown; atMs: number } | undefined;
  #last = { endedAtMs: Number.NEGATIVE_INFINITY, lengthMs: 0 };

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** There is something that a stall could harm: until `end`, a beat shows whether this process gets its turns. */
  begin(nowMs: number): void {
    if (this.#beat !== undefined) return;
    const { clock } = this.#options;
    const handle = clock.setTimeout(() => {
      const before = this.#beat;
      this.#beat = undefined;
      const beatMs = clock.now();
      if (before !== undefined) this.#noteTurn(before.atMs, beatMs);
      this.begin(beatMs);
    }, BEAT_MS);
    this.#beat = { handle, atMs: nowMs };
  }

  /** Nothing is under way any more: no timer runs, and nothing wakes the process. */
  end(nowMs: number): void {
    if (this.#beat === undefined) return;
    this.#options.clock.clearTimeout(this.#beat.handle);
    this.#noteTurn(this.#beat.atMs, nowMs);
    this.#beat = undefined;
  }

  /**
   * Something started this late, now. Also a stall while nothing was under way that could have suffered, unless it
   * was reported already.
   */
  startedLate(byMs: number, nowMs: number): void {
    const isTold = this.#beat !== undefined || this.#last.endedAtMs > nowMs - byMs;
    if (!isTold && byMs >= STALL_MS) this.#options.stalled(byMs);
  }

  /** How long this process was held up during the time since `startedAtMs`; 0 when it was not. */
  stalledSince(startedAtMs: number, nowMs: number): number {
    if (this.#beat !== undefined) {
      this.#noteTurn(this.#beat.atMs, nowMs);
      this.#beat.atMs = nowMs;
    }
    return this.#last.endedAtMs > startedAtMs ? this.#last.lengthMs : 0;
  }

  // --- internal ---

  #noteTurn(sinceMs: number, nowMs: number): void {
    const lengthMs = nowMs - sinceMs - BEAT_MS;
    if (lengthMs < STALL_MS) return;
    this.#last = { endedAtMs: nowMs, lengthMs };
    this.#options.stalled(lengthMs);
  }
}

// --- internal ---

const BEAT_MS = 100;
/** A stall of this length can have made a probe fail. */
const STALL_MS = 500;
