import type { HealthPolicy } from "../domain/health-policy.ts";
import type { OptionValues } from "./option-values.ts";
import { HTTP_KIND } from "./probe-kinds/http.ts";
import { PROBE_FLAG_ROWS, PROBE_KINDS, type ProbeOptions, type ProbeType } from "./probe-kinds/probe-kinds.ts";

/** How a real server is checked. `type`: the kind that a file names; with flags, `--health-schem` chooses it. */
export function resolveProbe(
  values: OptionValues<string>,
  { intervalMs }: HealthPolicy,
  type?: ProbeType,
): ProbeOptions {
  const scheme = values.peek("health-schem");
  const chosen = PROBE_KINDS.find((kind) =>
    type === undefined ? kind.schemes.includes(scheme ?? "") : kind.type === type,
  );
  const kind = chosen ?? HTTP_KIND;
  if (type === undefined) {
    for (const { flag } of PROBE_FLAG_ROWS) {
      if (
        flag !== "health-schem" &&
        !(flag === "kubeconfig" && isForDiscovery(values)) &&
        !values.isMissing(flag) &&
        !(kind.flagRows ?? kind.rows).some((row) => row.flag === flag)
      )
        values.refuse(flag, `--health-schem ${scheme} has no use for it`);
    }
  }
  return kind.resolve(values, { intervalMs, isFile: type !== undefined, schemes: SCHEMES });
}

// --- internal ---

/** It has a use for the discovery of members. */
function isForDiscovery(values: OptionValues<string>): boolean {
  return values.peek("discover")?.startsWith("kubernetes") === true;
}

const SCHEMES = PROBE_KINDS.flatMap(({ schemes }) => schemes);
