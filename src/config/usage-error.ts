import { LvscareError } from "../domain/errors.ts";
import { oneLine } from "./one-line.ts";

/** The request cannot be carried out as written. Lists every problem, not only the first. */
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

/** A value may have any length, but the problem must be at the end of the line. */
function shorten(line: string): string {
  return line.length <= 2 * KEPT ? line : `${line.slice(0, KEPT)}…${line.slice(-KEPT)}`;
}

const KEPT = 200;
