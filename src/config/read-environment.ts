import { nearestOption } from "./nearest-name.ts";
import type { GivenOption, GivenOptions, OptionRow } from "./option-row.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** In order of precedence; `CARE_` is the Go program's. */
export const CARE_ENVIRONMENT_PREFIXES: readonly string[] = ["LVSCARE_", "CARE_"];

/** The same for `lvscare ipvs`; `IPVS_` is that of `sealctl ipvs`. */
export const IPVS_ENVIRONMENT_PREFIXES: readonly string[] = ["LVSCARE_", "IPVS_"];

/**
 * The options from the environment: `CARE_HEALTH_PATH` for `--health-path`. An empty variable counts as not set.
 * Variables that belong to no option are ignored: Kubernetes itself sets `LVSCARE_PORT` and the like beside a Service
 * of that name.
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

/** The variables that may set a flag, in order of precedence. */
export function variableNames(flag: string, prefixes: readonly string[] = CARE_ENVIRONMENT_PREFIXES): string[] {
  return prefixes.map((prefix) => `${prefix}${flag.toUpperCase().replaceAll("-", "_")}`);
}

/**
 * A remark on each variable that looks like one of an option but is not: `CARE_HEALTH_SCHEME`, for a flag that ends
 * in `-schem`. Remarks and not problems, since others set variables too: Kubernetes has `LVSCARE_SERVICE_HOST` beside
 * a Service of that name.
 */
export function misspeltVariables(
  environment: Environment,
  rows: readonly OptionRow[],
  prefixes: readonly string[],
): string[] {
  return Object.entries(environment).flatMap(([name, text]) => {
    const prefix = prefixes.find((candidate) => name.startsWith(candidate));
    const word = name.slice(prefix?.length);
    if (prefix === undefined || (text ?? "") === "") return [];
    const meant = nearestOption(word, rows, SHORTEST);
    const [right = name] = meant === undefined ? [] : variableNames(meant.flag, [prefix]);
    return right === name ? [] : [`${name} is not read; did you mean ${right}?`];
  });
}

// --- internal ---

/** Shorter words are near to too much: `LVSCARE_ID` need not be about `LVSCARE_IP`. */
const SHORTEST = 4;
