import type { CareEvent } from "../domain/events.ts";
import type { ProbeOutcome, Verdict } from "../domain/health.ts";

/** What became of a changed probe. */
export type ProbeReport = Extract<CareEvent, { readonly type: "probe.suspicious" | "probe.accepted" }>;

/** A real server whose checks are to change: by the probe before it, and by the changed one beside that. */
export interface TriedServer {
  /** By the probe that decides for it now. */
  readonly passes: boolean;
  /** From now on the changed probe decides; these are its first verdicts. */
  accept(verdicts: readonly Verdict[]): void;
}

/**
 * A changed probe, until it decides for every real server that was checked when it came. For each of them that is so
 * when it passed once, or when it failed `fall` times in a row while another one passed. A probe that fails everywhere
 * is more likely to be wrong itself: it decides for nobody, and that is reported.
 */
export class ProbeTrial {
  readonly #undecided: Map<string, { readonly server: TriedServer; readonly failures: Verdict[] }>;
  readonly #fall: number;
  readonly #report: (report: ProbeReport) => void;
  #passed = 0;
  #failed = 0;
  #isSuspicious = false;

  constructor(servers: ReadonlyMap<string, TriedServer>, fall: number, report: (report: ProbeReport) => void) {
    this.#undecided = new Map(Array.from(servers, ([name, server]) => [name, { server, failures: [] }]));
    this.#fall = fall;
    this.#report = report;
  }

  /** What the changed probe found: of a server on trial, or of one that never was checked otherwise. */
  heard(name: string, outcome: ProbeOutcome): void {
    if (outcome.passed === undefined || this.#undecided.size === 0) return;
    const failures = this.#undecided.get(name)?.failures;
    if (outcome.passed) {
      this.#passed++;
      this.#decide(name, [outcome]);
    } else if (failures !== undefined && outcome.leaving !== true) {
      failures.push(outcome);
      if (failures.length > this.#fall) failures.shift();
    }
    this.#judge();
  }

  /** It is not checked any more. */
  forget(name: string): void {
    if (this.#undecided.delete(name)) this.#judge();
  }

  // --- internal ---

  #judge(): void {
    // It stays so until one passes, or all are gone.
    if (this.#isSuspicious && this.#passed === 0 && this.#undecided.size > 0) return;
    const hasFallen = [...this.#undecided].filter(
      ([, { failures }]) => failures.length >= this.#fall || isAtOnce(failures.at(-1)),
    );
    if (this.#passed > 0) {
      for (const [name, { failures }] of hasFallen) {
        this.#failed++;
        this.#decide(name, failures);
      }
    }
    if (this.#undecided.size === 0)
      return this.#report({ type: "probe.accepted", passed: this.#passed, failed: this.#failed });
    const isWorse = hasFallen.some(([, { server }]) => server.passes);
    if (this.#passed > 0 || !isWorse || hasFallen.length < this.#undecided.size) return;
    this.#isSuspicious = true;
    const reason = hasFallen.at(-1)?.[1].failures.at(-1)?.reason ?? "";
    this.#report({ type: "probe.suspicious", servers: hasFallen.map(([name]) => name), reason });
  }

  #decide(name: string, verdicts: readonly Verdict[]): void {
    const one = this.#undecided.get(name);
    this.#undecided.delete(name);
    one?.server.accept(verdicts);
  }
}

// --- internal ---

/** It counts however many are asked for. */
function isAtOnce(verdict: Verdict | undefined): boolean {
  return verdict?.passed === false && verdict.atOnce === true;
}
