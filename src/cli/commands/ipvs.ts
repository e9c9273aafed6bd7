import { IPVS_ENVIRONMENT_PREFIXES } from "../../config/read-environment.ts";
import { caringCommand } from "./care.ts";

/** `lvscare ipvs`: replaces `sealctl ipvs`, and is `care` with its own variables. */
export const ipvsCommand = caringCommand(IPVS_ENVIRONMENT_PREFIXES, {
  name: "ipvs",
  about:
    "Does what `lvscare care` does, by the same flags, as `sealctl ipvs` did: sets up the virtual server once before a node joins its " +
    "cluster, and takes it away when the node leaves.",
  synopsis: "--vs <IP:port> --rs <IP:port>... [flags]",
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
});
