import type { ProbeOutcome, Verdict } from "../domain/health.ts";

/** A verdict and when it was reached, on the machines' clock. */
export interface TimedVerdict {
  readonly verdict: Verdict;
  readonly atMs: number;
}

/** The last verdict on each real server, kept beside the machines: they only get verdicts that may change something. */
export class LatestVerdicts {
  readonly #latest = new Map<string, TimedVerdict>();

  /** `server`: its formatted endpoint. */
  note(server: string, outcome: ProbeOutcome, atMs: number): void {
    if (outcome.passed !== undefined) this.#latest.set(server, { verdict: outcome, atMs });
  }

  of(server: string): TimedVerdict | undefined {
    return this.#latest.get(server);
  }
}
