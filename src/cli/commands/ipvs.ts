import type { CommandDef } from "citty";
import { CARE_OPTION_ROWS } from "../../config/care-option-rows.ts";
import { IPVS_ENVIRONMENT_PREFIXES } from "../../config/read-environment.ts";
import type { CliContext } from "../cli-context.ts";
import type { CommandUsage } from "../usage.ts";
import { caringCommand } from "./care.ts";

/** `lvscare ipvs`: stands in for `sealctl ipvs`, which is `care` with variables of its own. */
export function ipvsCommand(context: CliContext): CommandDef {
  return caringCommand(IPVS_USAGE, IPVS_ENVIRONMENT_PREFIXES, context);
}

export const IPVS_USAGE: CommandUsage = {
  name: "ipvs",
  about:
    "Does what `lvscare care` does, by the same flags, as `sealctl ipvs` did: sets up the virtual server once before a node joins its " +
    "cluster, and takes it away when the node leaves.",
  synopsis: "--vs <IP:port> --rs <IP:port>... [flags]",
  rows: CARE_OPTION_ROWS,
  examples: [
    {
      about: "before the node joins: two API servers behind one address, unchecked",
      command:
        "lvscare ipvs --vs 10.103.97.12:6443 --rs 192.168.0.2:6443 --rs 192.168.0.3:6443 --health-path /healthz --health-schem https --run-once",
    },
    { about: "when it leaves", command: "lvscare ipvs --vs 10.103.97.12:6443 -C" },
  ],
  notes: [
    "Every flag can come from the environment: LVSCARE_HEALTH_PATH or IPVS_HEALTH_PATH for --health-path. The command line wins over " +
      "both and LVSCARE_ over IPVS_; an empty variable counts as not set.",
    "Durations are written like 500ms, 5s or 1m30s.",
  ],
};
