import { UsageError } from "../usage-error.ts";
import { formatProblems, type ConfigProblem } from "./finding.ts";

/** A configuration that cannot be used, with everything that is wrong with it. */
export class ConfigError extends UsageError {
  /** In the order of the files and their lines, warnings included. */
  readonly found: readonly ConfigProblem[];

  constructor(found: readonly ConfigProblem[]) {
    super(formatProblems(found));
    this.name = "ConfigError";
    this.found = found;
  }
}
