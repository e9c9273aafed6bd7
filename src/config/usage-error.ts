import { LvscareError } from "../domain/errors.ts";
import { oneLine } from "./one-line.ts";

/** What was asked for cannot be done as it was written. Holds everything that is wrong, not only the first of it. */
export class UsageError extends LvscareError {
  /** One line each, naming the flag or variable and its value. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const lines = [...new Set(problems.map((problem) => shorten(oneLine(problem))))];
    super("USAGE", lines.join("; "));
    this.name = "UsageError";
    this.problems = lines;
  }
}

// --- internal ---

/** A value may be as long as it likes, but what is wrong with it stands at the end of the line. */
function shorten(line: string): string {
  return line.length <= 2 * KEPT ? line : `${line.slice(0, KEPT)}…${line.slice(-KEPT)}`;
}

const KEPT = 200;
