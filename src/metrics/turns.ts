import { RecentMaximum } from "./recent-maximum.ts";

/** Whether this process got its turns of the processor: how late it was, and how often and how long it got none. */
export class Turns {
  readonly #lagMs = new RecentMaximum();
  #stalls = 0;
  #stalledMs = 0;

  /** It got to what was due so much later. */
  late(byMs: number, nowMs: number): void {
    this.#lagMs.note(byMs, nowMs);
  }

  /** It got no turn for so long. */
  stalled(forMs: number): void {
    this.#stalls++;
    this.#stalledMs += forMs;
  }

  /** Asking changes nothing. */
  read(nowMs: number): TurnFigures {
    return { lagMs: this.#lagMs.read(nowMs), stalls: this.#stalls, stalledMs: this.#stalledMs };
  }
}

export interface TurnFigures {
  /** At the latest, in the last minute. */
  readonly lagMs: number;
  readonly stalls: number;
  /** Together. */
  readonly stalledMs: number;
}
