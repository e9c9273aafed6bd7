import { nearestOption } from "./nearest-option.ts";
import type { OptionRow } from "./option-row.ts";
import { variableNames, type Environment } from "./read-environment.ts";

/**
 * A remark on each variable that looks like one of an option's and is none: `CARE_HEALTH_SCHEME`, for a flag that ends in `-schem`.
 * Remarks and not problems, since others set variables too: Kubernetes has `LVSCARE_SERVICE_HOST` beside a Service of that name.
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
