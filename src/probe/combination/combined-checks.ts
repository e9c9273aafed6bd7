import type { CheckPace } from "../../config/combination.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import { throwFailures } from "../../domain/errors.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { Check, CheckSchedule, Report } from "../schedule/check-schedule.ts";
import { askedOf, combinedVerdict, type NamedHealth } from "./combined-verdict.ts";
import { heard, nextWithinMs, standingOf, UNHEARD, type MemberHealth } from "./member-health.ts";

/** One of several checks of each real server. */
export interface CombinedMember {
  readonly name: string;
  readonly pace: CheckPace;
  /** Where its checks are made, beside those of others. */
  readonly schedule: CheckSchedule;
}

/**
 * Checks real servers by several checks each, which are made at their own paces and decide together: what they say is
 * told when it changes, and as often as the check that decides is made. What is told counts at once, since each of them
 * has counted for itself.
 */
export class CombinedChecks implements CheckSchedule {
  readonly #members: readonly CombinedMember[];
  readonly #atLeast: number;

  constructor(members: readonly CombinedMember[], atLeast: number) {
    this.#members = members;
    this.#atLeast = atLeast;
  }

  /** Each of them has an interval of its own. */
  add(target: Endpoint, _intervalMs: number, report: Report): Check {
    return new CombinedCheck(this.#members, this.#atLeast, target, report);
  }
}

// --- internal ---

class CombinedCheck implements Check {
  readonly #atLeast: number;
  readonly #target: Endpoint;
  readonly #report: Report;
  readonly #members: readonly Member[];
  #told: ProbeOutcome | undefined;
  /** The one by which it failed: its checks are those in which the failure goes on. */
  #culprit: Member | undefined;
  #isStopped = false;

  constructor(members: readonly CombinedMember[], atLeast: number, target: Endpoint, report: Report) {
    this.#atLeast = atLeast;
    this.#target = target;
    this.#report = report;
    this.#members = members.map((member) => new Member(member));
    try {
      for (const member of this.#members) this.#begin(member);
    } catch (error) {
      this.#isStopped = true;
      throwFailures([error, ...this.#stopAll()]);
    }
  }

  setInterval(): void {
    // Each of them keeps its own.
  }

  probeNow(): void {
    for (const { check } of this.#members) check?.probeNow();
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    throwFailures(this.#stopAll());
  }

  // --- internal ---

  #stopAll(): readonly unknown[] {
    return this.#members.flatMap(({ check }) => {
      try {
        check?.stop();
        return [];
      } catch (error) {
        return [error];
      }
    });
  }

  #begin(member: Member): void {
    member.begin(this.#target, (outcome, atMs) => this.#heard(member, outcome, atMs));
  }

  /** An agent that asks for maintenance wants no other checks to be made meanwhile, and no failures to be told. */
  #pause(): void {
    const isMaintenance = askedOf(this.#members)?.hold === "maintenance";
    for (const member of this.#members) {
      const isPaused = isMaintenance && member.health.verdict?.asked?.hold !== "maintenance";
      if (isPaused && !member.isPaused) member.pause();
      else if (!isPaused && member.isPaused) {
        member.resume();
        this.#begin(member);
      }
    }
  }

  #heard(member: Member, outcome: ProbeOutcome, atMs: number): void {
    if (this.#isStopped || member.isPaused) return;
    member.hear(outcome);
    this.#pause();
    const verdict = combinedVerdict(this.#members, this.#atLeast, outcome);
    if (verdict === undefined) return;
    const isNews = this.#told === undefined || !isAlike(verdict, this.#told);
    this.#told = verdict;
    if (verdict.passed === false && (isNews || !isBad(this.#culprit)))
      this.#culprit = isBad(member) ? member : undefined;
    // What is not news of a failure is told once in each of its intervals, or it would drain in less than one.
    if (!isNews && verdict.passed === false && member !== this.#culprit) return;
    this.#report(verdict, atMs);
  }
}

class Member implements NamedHealth {
  readonly name: string;
  health: MemberHealth = UNHEARD;
  check: Check | undefined;
  isPaused = false;
  readonly #pace: CheckPace;
  readonly #schedule: CheckSchedule;
  #intervalMs: number;

  constructor({ name, pace, schedule }: CombinedMember) {
    this.name = name;
    this.#pace = pace;
    this.#schedule = schedule;
    this.#intervalMs = pace.intervalMs;
  }

  begin(target: Endpoint, told: Report): void {
    this.check = this.#schedule.add(target, this.#intervalMs, told);
  }

  pause(): void {
    this.isPaused = true;
    this.check?.stop();
    this.check = undefined;
  }

  /** What it found before is of no use any more. */
  resume(): void {
    this.isPaused = false;
    this.health = UNHEARD;
    this.#intervalMs = this.#pace.intervalMs;
  }

  hear(outcome: ProbeOutcome): void {
    this.health = heard(this.health, outcome, this.#pace);
    const intervalMs = nextWithinMs(this.health, this.#pace);
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    this.check?.setInterval(intervalMs);
  }
}

function isBad(member: Member | undefined): boolean {
  if (member === undefined) return false;
  const standing = standingOf(member.health);
  return standing === "down" || standing === "leaving";
}

/** But for what is told of it only. */
function isAlike(one: ProbeOutcome, other: ProbeOutcome): boolean {
  return Bun.deepEquals(kindOf(one), kindOf(other));
}

function kindOf(outcome: ProbeOutcome): readonly unknown[] {
  if (outcome.passed === undefined) return [];
  const isLeaving = !outcome.passed && outcome.leaving === true;
  const isDecided = !outcome.passed && outcome.decided === true;
  return [outcome.passed, isLeaving, isDecided, outcome.asked, outcome.expired === undefined];
}
