import { LvscareError } from "../domain/errors.ts";
import { oneLine } from "./one-line.ts";

/** What was asked for cannot be done as it was written. Holds everything that is wrong, not only the first of it. */
export class UsageError extends LvscareError {
  /** One line each, naming the flag or variable and its value. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const lines = problems.map(oneLine);
    super("USAGE", lines.join("; "));
    this.name = "UsageError";
    this.problems = lines;
  }
}
