import { parseDuration } from "../domain/duration.ts";
import { LvscareError } from "../domain/errors.ts";
import { nearestName } from "./nearest-name.ts";

/**
 * The longest time any option takes. A timer of more than 24.8 days fires immediately, so nonsense must not get that
 * far.
 */
const LONGEST_MS = 24 * 3_600_000;

/** How a configuration file tells of a bad value, where that is not as the command line does. */
export interface KeyProblem {
  readonly code: "type" | "range" | "choice";
  readonly message: string;
  readonly hint?: string;
}

/** A value that cannot be read: its message is for the command line. */
export class RefusedValue extends LvscareError {
  readonly inFile: KeyProblem;

  constructor(message: string, inFile: KeyProblem, cause?: unknown) {
    super("USAGE", message, cause === undefined ? {} : { cause });
    this.inFile = inFile;
  }
}

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
    if (choice === undefined) {
      const meant = nearestName(text, choices);
      const inFile = {
        code: "choice",
        message: `${text === "" ? '""' : text} is none of ${choices.join(", ")}`,
        ...(meant !== undefined && { hint: `did you mean ${meant}?` }),
      } as const;
      throw new RefusedValue(`"${text}" is not one of ${choices.join(", ")}`, inFile);
    }
    return choice;
  };
}

/** A whole number in decimal, within bounds. */
export function parseInteger(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^-?(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const inFile: KeyProblem = /^-?\d+$/.test(text)
      ? {
          code: "range",
          message: Number(text) > most ? `${text} is more than ${most}` : `${text} is less than ${least}`,
        }
      : { code: "type", message: `expected a whole number from ${least} to ${most}, got "${text}"` };
    throw new RefusedValue(`"${text}" is not a whole number from ${least} to ${most}`, inFile);
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
  return inRange(text, inFileAsTime(text, parseDuration), 1);
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
  return inFileAsTime(
    text,
    parseDuration,
    `"${text}" is not an interval; write whole seconds like 5 or a duration like 1.5s`,
  );
}

function inFileAsTime(text: string, parse: (text: string) => number, message?: string): number {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof LvscareError)) throw error;
    const inFile = { code: "type", message: `expected a time such as 5s or 500ms, got "${text}"` } as const;
    throw new RefusedValue(message ?? error.message, inFile, error);
  }
}

function inRange(text: string, ms: number, leastMs: number): number {
  if (ms >= leastMs && ms <= LONGEST_MS) return ms;
  const less = { code: "range", message: `${text} is less than ${leastMs}ms` } as const;
  if (ms < 0) throw new RefusedValue(`"${text}" is negative`, less);
  if (ms < leastMs) throw new RefusedValue(`"${text}" is too short; the least is ${leastMs}ms`, less);
  throw new RefusedValue(`"${text}" is too long; the most is 24h`, {
    code: "range",
    message: `${text} is more than 24h`,
  });
}
