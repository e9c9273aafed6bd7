import type { CareEvent } from "../domain/events.ts";
import type { ProbeOutcome, Verdict } from "../domain/health.ts";

/** What became of a changed probe. */
export type ProbeReport = Extract<CareEvent, { readonly type: "probe.suspicious" | "probe.accepted" }>;

/** A real server whose checks are to change: by the probe before it, and by the changed one beside that. */
export interface TriedServer {
  /** It may serve, by the probe that decides for it now. */
  readonly serves: boolean;
  /** From now on the changed probe decides; these are its first verdicts. */
  accept(verdicts: readonly Verdict[]): void;
}

/**
 * A changed probe, until it decides for every real server that was checked when it came, or joined before it let one serve. For each of them that is so
 * when it let it serve once, or when it would take it out while it lets another one serve. A probe that would take all
 * of them out is more likely to be wrong itself: it decides for nobody, and that is reported. Once it lets one serve, it
 * starts afresh with the others.
 */
export class ProbeTrial {
  readonly #undecided = new Map<string, { readonly server: TriedServer; readonly against: Verdict[] }>();
  readonly #fall: number;
  readonly #report: (report: ProbeReport) => void;
  #isProven = false;
  #passed = 0;
  #failed = 0;
  /** By whom it is suspicious: those that it would take out. */
  #suspects: readonly string[] = [];

  constructor(fall: number, report: (report: ProbeReport) => void) {
    this.#fall = fall;
    this.#report = report;
  }

  /** It let one serve. */
  get isProven(): boolean {
    return this.#isProven;
  }

  get isEmpty(): boolean {
    return this.#undecided.size === 0;
  }

  /** It is on trial with this server, too. */
  join(name: string, server: TriedServer): void {
    this.#undecided.set(name, { server, against: [] });
  }

  /** What the changed probe found of a server on trial. */
  heard(name: string, outcome: ProbeOutcome): void {
    const against = this.#undecided.get(name)?.against;
    if (outcome.passed === undefined || against === undefined) return;
    if (letsServe(outcome)) {
      // What was wrong with it, or with all of them, is over: whom it failed before has to fail anew.
      if (this.#isSuspicious) for (const one of this.#undecided.values()) one.against.length = 0;
      this.#isProven = true;
      this.#decide(name, [outcome]);
    } else if (outcome.passed || outcome.leaving !== true) {
      // Failures count in a row, and of what it asks for only the last.
      if (outcome.passed || against[0]?.passed === true) against.length = 0;
      against.push(outcome);
      if (against.length > this.#fall) against.shift();
    }
    this.#judge();
  }

  /** It is not checked any more. */
  forget(name: string): void {
    if (this.#undecided.delete(name)) this.#judge();
  }

  // --- internal ---

  #judge(): void {
    // It stays so until it lets one serve, or all of them are gone.
    if (this.#isSuspicious) return;
    const out = [...this.#undecided].filter(([, { against }]) => this.#takesOut(against));
    if (this.#isProven) for (const [name, { against }] of out) this.#decide(name, against);
    if (this.#undecided.size === 0)
      return this.#report({ type: "probe.accepted", passed: this.#passed, failed: this.#failed });
    const isWorse = out.some(([, { server }]) => server.serves);
    if (this.#isProven || !isWorse || out.length < this.#undecided.size) return;
    this.#suspects = out.map(([name]) => name);
    const reason = out.at(-1)?.[1].against.at(-1)?.reason ?? "";
    this.#report({ type: "probe.suspicious", servers: this.#suspects, reason });
  }

  get #isSuspicious(): boolean {
    return !this.#isProven && this.#suspects.some((name) => this.#undecided.has(name));
  }

  #takesOut(against: readonly Verdict[]): boolean {
    const last = against.at(-1);
    if (last === undefined) return false;
    return last.passed || last.atOnce === true || against.length >= this.#fall;
  }

  #decide(name: string, verdicts: readonly Verdict[]): void {
    if (verdicts.at(-1)?.passed === true) this.#passed++;
    else this.#failed++;
    const one = this.#undecided.get(name);
    this.#undecided.delete(name);
    one?.server.accept(verdicts);
  }
}

/** By such a verdict a server gets new clients: one that passes but has weight 0 or is to drain does not. */
export function letsServe(verdict: Verdict): boolean {
  if (!verdict.passed || verdict.asked?.hold !== undefined) return false;
  const { advice } = verdict;
  return advice === undefined || ("weight" in advice ? advice.weight : advice.percent) > 0;
}
