import type { GivenOption, GivenOptions, OptionRow } from "./option-row.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** In order of precedence; `CARE_` is the Go program's. */
export const CARE_ENVIRONMENT_PREFIXES: readonly string[] = ["LVSCARE_", "CARE_"];

/** The same for `lvscare ipvs`; `IPVS_` is that of `sealctl ipvs`. */
export const IPVS_ENVIRONMENT_PREFIXES: readonly string[] = ["LVSCARE_", "IPVS_"];

/**
 * The options that the environment gives: `CARE_HEALTH_PATH` for `--health-path`. An empty variable counts as not set. Variables that
 * belong to no option are left alone: Kubernetes itself sets `LVSCARE_PORT` and the like beside a Service of that name.
 */
export function readEnvironment(
  environment: Environment,
  rows: readonly OptionRow[],
  prefixes: readonly string[] = CARE_ENVIRONMENT_PREFIXES,
): GivenOptions {
  const given = new Map<string, GivenOption>();
  for (const { flag } of rows) {
    const source = variableNames(flag, prefixes).find((name) => (environment[name] ?? "") !== "");
    if (source !== undefined) given.set(flag, { source, texts: [environment[source] ?? ""] });
  }
  return given;
}

/** The variables that may give a flag, the one that wins first. */
export function variableNames(flag: string, prefixes: readonly string[] = CARE_ENVIRONMENT_PREFIXES): string[] {
  return prefixes.map((prefix) => `${prefix}${flag.toUpperCase().replaceAll("-", "_")}`);
}
