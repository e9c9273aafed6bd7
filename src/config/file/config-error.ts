import { UsageError } from "../usage-error.ts";
import { formatProblems, type ConfigProblem } from "./finding.ts";

/** All that a configuration is read from. */
export interface ConfigSources {
  /** The file itself, then those that it includes, whether they are there or not. Absolute; links are not followed. */
  readonly files: readonly {
    /** Undefined for standard input. */
    readonly path: string | undefined;
    /** As it was just before it was read. */
    readonly facts: string;
  }[];
  /** By absolute path: the names in it just before. In them, other files may come to match a pattern. */
  readonly folders: ReadonlyMap<string, string>;
}

/** A configuration that cannot be used, with everything that is wrong with it. */
export class ConfigError extends UsageError {
  /** In the order of the files and their lines, warnings included. */
  readonly found: readonly ConfigProblem[];
  /** What it was read from, or should have been: when that changes, it may be good. */
  readonly sources: ConfigSources;

  constructor(found: readonly ConfigProblem[], sources: ConfigSources) {
    super(formatProblems(found));
    this.name = "ConfigError";
    this.found = found;
    this.sources = sources;
  }
}
