import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import { throwFailures } from "../../domain/errors.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { Check, CheckSchedule, Report } from "./check-schedule.ts";
import type { Clock } from "../clock.ts";

/**
 * Runs identical checks once, however many virtual servers ask for them. The interval is the shortest that is asked
 * for at the moment. Who asks for that one is told every outcome, as if it was alone.
 *
 * Who asks for a longer one counts failures with a `fall` of its own, which must not be reached sooner because
 * others are in a hurry. It is told what its own interval would have shown, and at once:
 * - its first outcome, and one that was asked for by `probeNow`, by whomever;
 * - a change from passed to failed or back, and a failure that nobody is to wait for. So a sign of death hurries all, and none waits for good news.
 */
export class SharedChecks {
  readonly #clock: Clock;
  readonly #kinds = new Map<string, ChecksOfKind>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The checks of one kind: two schedules of the same kind check the same target once. `open` is called at a first
   * check, and again after the last one of the kind has been stopped.
   */
  of(kind: string, open: () => CheckSchedule): CheckSchedule {
    return { add: (target, intervalMs, report) => this.#add(kind, open, { target, intervalMs, report }) };
  }

  // --- internal ---

  #add(kind: string, open: () => CheckSchedule, { target, intervalMs, report }: Wish): Check {
    const ofKind = this.#kinds.get(kind) ?? this.#begin(kind, open());
    const key = formatEndpoint(target);
    const running = ofKind.byTarget.get(key);
    if (running !== undefined) return running.join(intervalMs, report);
    const begun = new SharedCheck(this.#clock, ofKind, target, intervalMs);
    ofKind.byTarget.set(key, begun);
    return begun.join(intervalMs, report);
  }

  #begin(kind: string, schedule: CheckSchedule): ChecksOfKind {
    const byTarget = new Map<string, SharedCheck>();
    const ended = (target: Endpoint): void => {
      byTarget.delete(formatEndpoint(target));
      if (byTarget.size === 0) this.#kinds.delete(kind);
    };
    const begun = { schedule, byTarget, ended };
    this.#kinds.set(kind, begun);
    return begun;
  }
}

// --- internal ---

/** Of an interval, how much must have passed from start to start: checks may come a tenth early. */
const DUE = 7 / 8;

interface ChecksOfKind {
  readonly schedule: CheckSchedule;
  /** By formatted endpoint. */
  readonly byTarget: Map<string, SharedCheck>;
  ended(target: Endpoint): void;
}

interface Wish {
  readonly target: Endpoint;
  readonly intervalMs: number;
  readonly report: Report;
}

/** The one check of a target, for all who asked for it. */
class SharedCheck {
  readonly #clock: Clock;
  readonly #siblings: ChecksOfKind;
  readonly #target: Endpoint;
  readonly #check: Check;
  /** Replaced at each change: those who come or go while others are told do not disturb. */
  #participants: readonly Participant[] = [];
  #paceMs: number;
  /** Before the first outcome a newcomer need not ask for one. */
  #hasReported = false;
  /** Somebody asked for the next verdict. */
  #isAsked = false;
  #isHurrying = false;

  constructor(clock: Clock, siblings: ChecksOfKind, target: Endpoint, paceMs: number) {
    this.#clock = clock;
    this.#siblings = siblings;
    this.#target = target;
    this.#paceMs = paceMs;
    this.#check = siblings.schedule.add(target, paceMs, (outcome, atMs) => this.#told(outcome, atMs));
  }

  join(intervalMs: number, report: Report): Participant {
    const newcomer = new Participant(this, intervalMs, report);
    this.#participants = [...this.#participants, newcomer];
    this.pace();
    if (this.#hasReported) this.#hurry();
    return newcomer;
  }

  leave(one: Participant): void {
    this.#participants = this.#participants.filter((other) => other !== one);
    if (this.#participants.length > 0) return this.pace();
    this.#siblings.ended(this.#target);
    this.#check.stop();
  }

  pace(): void {
    const paceMs = this.#participants.reduce((least, one) => Math.min(least, one.intervalMs), Number.POSITIVE_INFINITY);
    if (paceMs === this.#paceMs) return;
    this.#paceMs = paceMs;
    this.#check.setInterval(paceMs);
  }

  ask(): void {
    this.#isAsked = true;
    this.#check.probeNow();
  }

  // --- internal ---

  /** In the next turn of the event loop, as every first check: whoever joins has to finish what it is about. */
  #hurry(): void {
    if (this.#isHurrying) return;
    this.#isHurrying = true;
    this.#clock.setTimeout(() => {
      this.#isHurrying = false;
      if (this.#participants.some((one) => one.isNew)) this.#check.probeNow();
    }, 0);
  }

  #told(outcome: ProbeOutcome, atMs: number): void {
    this.#hasReported = true;
    const startedMs = atMs - outcome.latencyMs;
    // Before anybody hears of it: what one does about it is not to change who else is told.
    const all = this.#isAsked;
    const concerned = this.#participants.filter(
      (one) => all || one.intervalMs <= this.#paceMs || one.isFor(outcome, startedMs),
    );
    if (outcome.passed !== undefined) this.#isAsked = false;
    const failures: unknown[] = [];
    for (const one of concerned) {
      try {
        one.tell(outcome, startedMs, atMs);
      } catch (error) {
        failures.push(error);
      }
    }
    throwFailures(failures);
  }
}

/** One who asked for the check, and what it was told. */
class Participant implements Check {
  intervalMs: number;
  readonly #shared: SharedCheck;
  readonly #report: Report;
  /** The last verdict; undefined before the first one. */
  #passed: boolean | undefined;
  /** When the check of that verdict began. */
  #startedMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(shared: SharedCheck, intervalMs: number, report: Report) {
    this.#shared = shared;
    this.intervalMs = intervalMs;
    this.#report = report;
  }

  get isNew(): boolean {
    return this.#passed === undefined;
  }

  /** Whether its own interval would have shown it, or it is news. */
  isFor(outcome: ProbeOutcome, startedMs: number): boolean {
    if (outcome.passed !== undefined && outcome.passed !== this.#passed) return true;
    // No failure, and it is wanted that nobody waits.
    if (outcome.passed === false && (outcome.leaving === true || outcome.atOnce === true)) return true;
    return startedMs - this.#startedMs >= DUE * this.intervalMs;
  }

  /** What is no verdict takes no verdict's place: the next one is due as before. */
  tell(outcome: ProbeOutcome, startedMs: number, atMs: number): void {
    if (this.#isStopped) return;
    if (outcome.passed !== undefined) {
      this.#passed = outcome.passed;
      this.#startedMs = startedMs;
    }
    this.#report(outcome, atMs);
  }

  setInterval(intervalMs: number): void {
    if (this.#isStopped) return;
    this.intervalMs = intervalMs;
    this.#shared.pace();
  }

  probeNow(): void {
    if (!this.#isStopped) this.#shared.ask();
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#shared.leave(this);
  }
}
