import type { Clock } from "../probe/clock.ts";

/** Ends what is waited for before its time. */
export class Interruption {
  readonly #clock: Clock;
  #interrupt: (() => void) | undefined;
  /** It came while nothing was waited for, and counts for what is waited for next. */
  #isDue = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): void {
    this.#isDue = this.#interrupt === undefined;
    this.#interrupt?.();
  }

  /** Resolves after this time, or sooner. */
  async wait(ms: number): Promise<void> {
    if (this.#taken()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimeout(resolve, ms);
    this.#interrupt = resolve;
    await promise;
    this.#interrupt = undefined;
    this.#clock.clearTimeout(timer);
  }

  /** The same, but for an interruption that came before: that is done with. */
  async pause(ms: number): Promise<void> {
    this.#isDue = false;
    await this.wait(ms);
  }

  /** What something came to that goes on, unless it was interrupted: then it is closed. */
  async during<T>(watch: { readonly ended: Promise<T>; close(): void }): Promise<T | "interrupted"> {
    let isInterrupted = this.#taken();
    if (isInterrupted) watch.close();
    this.#interrupt = () => {
      isInterrupted = true;
      watch.close();
    };
    const ended = await watch.ended;
    this.#interrupt = undefined;
    return isInterrupted ? "interrupted" : ended;
  }

  // --- internal ---

  #taken(): boolean {
    const isDue = this.#isDue;
    this.#isDue = false;
    return isDue;
  }
}
