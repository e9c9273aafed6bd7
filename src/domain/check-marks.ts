import type { ProbeOutcome } from "./health.ts";

/**
 * What became of the last checks of real servers, a character each, oldest first: `!` failed, `%` leaving, `#` could not
 * be made, and for one that passed its latency as a step of `STEPS`.
 */
export interface RecentChecks {
  servers(): Iterable<string>;
  /** Those of one server after the first `count` that it ever had, as far as they are remembered. */
  since(server: string, count: number): CheckMarks;
}

export interface CheckMarks {
  /** How many checks there were since the daemon began. */
  readonly count: number;
  readonly marks: string;
}

/** As many are remembered of each real server. */
export const REMEMBERED_CHECKS = 60;

export function markOf(outcome: Pick<ProbeOutcome, "passed" | "latencyMs"> & { readonly leaving?: true }): number {
  if (outcome.passed === undefined) return NOT_MADE;
  if (!outcome.passed) return outcome.leaving === true ? LEAVING : FAILED;
  const step = Math.round(Math.log(Math.max(outcome.latencyMs, LEAST_MS) / LEAST_MS) / Math.log(STEP));
  const code = FIRST + Math.min(step, STEPS - 1);
  return code < BACKSLASH ? code : code + 1;
}

/** Whether a check was made and failed. */
export function isFailedMark(code: number): boolean {
  return code === FAILED;
}

/** Whether a check was made and passed. */
export function isPassedMark(code: number): boolean {
  return code >= FIRST;
}

// --- internal ---

const FAILED = "!".charCodeAt(0);
const NOT_MADE = "#".charCodeAt(0);
const LEAVING = "%".charCodeAt(0);

/** From 0.02 ms to almost a minute in steps of 19 %: characters that need no escape in JSON. */
const FIRST = "(".charCodeAt(0);
const BACKSLASH = "\\".charCodeAt(0);
const STEPS = 86;
const LEAST_MS = 0.02;
const STEP = 1.19;
