/** The largest value of the last minute, in steps of ten seconds: the same for every caller, however often it asks. */
export class RecentMaximum {
  readonly #steps: { number: number; largest: number }[] = Array.from({ length: STEPS }, () => ({
    number: Number.NEGATIVE_INFINITY,
    largest: 0,
  }));

  note(value: number, nowMs: number): void {
    const number = Math.floor(nowMs / STEP_MS);
    const step = this.#steps[number % STEPS];
    if (step === undefined) return;
    // The old value there is a minute old.
    if (step.number !== number) Object.assign(step, { number, largest: 0 });
    step.largest = Math.max(step.largest, value);
  }

  /** 0 when nothing was noted. */
  read(nowMs: number): number {
    const oldest = Math.floor(nowMs / STEP_MS) - STEPS + 1;
    return this.#steps.reduce((largest, step) => (step.number < oldest ? largest : Math.max(largest, step.largest)), 0);
  }
}

// --- internal ---

const STEP_MS = 10_000;
const STEPS = 6;
