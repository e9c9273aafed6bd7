import type { CheckPace } from "../../config/combination.ts";
import type { CheckPart, ProbeOutcome, Verdict } from "../../domain/health.ts";

/** What is known by one of several checks of a real server. */
export interface MemberHealth {
  /** `unknown`: no verdict of it has counted yet. */
  readonly state: CheckPart["state"];
  /** Good and failed verdicts in a row. */
  readonly passes: number;
  readonly failures: number;
  /** What its last check found; undefined before the first. */
  readonly last: ProbeOutcome | undefined;
  /** The last verdict, and the last one of either kind. */
  readonly verdict: Verdict | undefined;
  readonly good: Extract<Verdict, { passed: true }> | undefined;
  readonly bad: Extract<Verdict, { passed: false }> | undefined;
}

export const UNHEARD: MemberHealth = {
  state: "unknown",
  passes: 0,
  failures: 0,
  last: undefined,
  verdict: undefined,
  good: undefined,
  bad: undefined,
};

/** After one more outcome. Of what is known of nobody yet, one good verdict is enough, as of any new server. */
export function heard(health: MemberHealth, outcome: ProbeOutcome, { fall, rise }: CheckPace): MemberHealth {
  // It says nothing, and so changes nothing: what was counted still counts.
  if (outcome.passed === undefined) return { ...health, last: outcome };
  const found = { last: outcome, verdict: outcome };
  if (outcome.passed) {
    const passes = health.passes + 1;
    const isUp = health.state === "unknown" || outcome.atOnce === true || passes >= rise;
    return { ...health, state: isUp ? "up" : health.state, passes, failures: 0, ...found, good: outcome };
  }
  if (outcome.leaving === true) return { ...health, state: "leaving", passes: 0, failures: 0, ...found, bad: outcome };
  const failures = health.failures + 1;
  const isDown = outcome.atOnce === true || failures >= fall;
  return { ...health, state: isDown ? "down" : health.state, passes: 0, failures, ...found, bad: outcome };
}

/** How it counts now: while it cannot be made, as neither. */
export function standingOf({ state, last }: MemberHealth): CheckPart["state"] {
  if (last?.passed === undefined) return "unknown";
  return last.expired === undefined ? state : "expired";
}

/** From the start of its check to the start of the next, in milliseconds. */
export function nextWithinMs({ state, passes, failures, last }: MemberHealth, pace: CheckPace): number {
  const { fall, intervalMs, fastIntervalMs, downIntervalMs } = pace;
  const isInDoubt = state === "down" || state === "leaving" ? passes > 0 : failures > 0;
  // The one after that with which it went down is soon enough to see it drained.
  const isOut = state === "down" && failures > fall;
  const usualMs = isInDoubt ? fastIntervalMs : isOut ? downIntervalMs : intervalMs;
  // It does not put off what settles a doubt.
  const asked = last?.passed === true && !isInDoubt ? (last.retryAfterMs ?? 0) : 0;
  return Math.max(usualMs, Math.min(asked, downIntervalMs));
}
