import { parseDuration } from "../domain/duration.ts";
import { LvscareError } from "../domain/errors.ts";

/**
 * The longest time any option takes. A timer of more than 24.8 days fires immediately, so nonsense must not get that
 * far.
 */
const LONGEST_MS = 24 * 3_600_000;

export function asWritten(text: string): string {
  return text;
}

/** The words that Go's flags take for a boolean. */
export function parseBoolean(text: string): boolean {
  if (/^(1|t|T|true|True|TRUE)$/.test(text)) return true;
  if (/^(0|f|F|false|False|FALSE)$/.test(text)) return false;
  throw refusal(`"${text}" is neither true nor false`);
}

/** Takes one of the words, in this exact spelling. */
export function parseChoice<const Choice extends string>(choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) throw refusal(`"${text}" is not one of ${choices.join(", ")}`);
    return choice;
  };
}

/** A whole number in decimal, within bounds. */
export function parseInteger(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^-?(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw refusal(`"${text}" is not a whole number from ${least} to ${most}`);
    return value;
  };
}

/** Milliseconds of `--interval`: a bare integer means seconds, else a Go duration. */
export function parseInterval(text: string): number {
  return inRange(text, parseTime(text), LEAST_INTERVAL_MS);
}

/** The same where 0 means none at all. */
export function parseIntervalOrNone(text: string): number {
  const ms = parseTime(text);
  return ms === 0 ? 0 : inRange(text, ms, LEAST_INTERVAL_MS);
}

/** Milliseconds of a timeout: a Go duration above zero, and never a bare number. */
export function parseTimeout(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) {
    throw refusal(`"${text}" has no unit; write ${text}s for seconds`);
  }
  return inRange(text, parseDuration(text), 1);
}

export function parseAbsolutePath(text: string): string {
  if (/^\/[^\0\n]*$/.test(text)) return text;
  throw refusal(`"${text}" is no absolute path`);
}

/** Of an address, after its text: one address under two names would be taken for two. */
export const MAPPED = "is an IPv4 address written as IPv6; write it as IPv4";

export function refusal(message: string): LvscareError {
  return new LvscareError("USAGE", message);
}

// --- internal ---

const LEAST_INTERVAL_MS = 10;

function parseTime(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text) * 1000;
  try {
    return parseDuration(text);
  } catch (error) {
    throw new LvscareError(
      "BAD_DURATION",
      `"${text}" is not an interval; write whole seconds like 5 or a duration like 1.5s`,
      { cause: error },
    );
  }
}

function inRange(text: string, ms: number, leastMs: number): number {
  if (ms < 0) throw refusal(`"${text}" is negative`);
  if (ms < leastMs) throw refusal(`"${text}" is too short; the least is ${leastMs}ms`);
  if (ms > LONGEST_MS) throw refusal(`"${text}" is too long; the most is 24h`);
  return ms;
}
