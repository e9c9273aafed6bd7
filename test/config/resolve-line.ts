import { CARE_OPTION_ROWS } from "../../src/config/care-option-rows.ts";
import type { CareOptions } from "../../src/config/care-options.ts";
import { readArgv } from "../../src/config/read-argv.ts";
import type { Environment } from "../../src/config/read-environment.ts";
import { resolveCareOptions } from "../../src/config/resolve-care-options.ts";
import { UsageError } from "../../src/config/usage-error.ts";

/** The arguments every valid command line needs. */
export const SERVERS = ["--vs", "10.0.0.1:80", "--rs", "10.0.0.2:80"] as const;

export function resolveArgv(argv: readonly string[], environment: Environment = {}): CareOptions {
  return resolveCareOptions(readArgv(argv, CARE_OPTION_ROWS), environment);
}

/** The problems with a command line; none when there are none. */
export function problemsOf(argv: readonly string[], environment: Environment = {}): readonly string[] {
  try {
    resolveArgv(argv, environment);
    return [];
  } catch (error) {
    if (error instanceof UsageError) return error.problems;
    throw error;
  }
}
