import { CARE_OPTION_ROWS } from "./care-option-rows.ts";
import type { OptionRow } from "./option-row.ts";

const POD = "The pods";

/** The options of `lvscare daemonset` that are its own. */
export const DAEMON_SET_OPTION_ROWS = [
  {
    flag: "name",
    kind: "text",
    valueName: "name",
    default: "lvscare",
    help: "the name of all objects",
    group: POD,
  },
  {
    flag: "namespace",
    kind: "text",
    valueName: "name",
    default: "kube-system",
    help: "where they are",
    group: POD,
  },
  {
    flag: "image",
    kind: "text",
    valueName: "image",
    default: "lvscare:latest",
    help: "the container's image, with lvscare at /usr/bin/lvscare",
    group: POD,
  },
  {
    flag: "requests",
    kind: "list",
    valueName: "name=quantity",
    help: "what the container asks of its node: cpu=20m,memory=64Mi",
    group: POD,
  },
  {
    flag: "least-privilege",
    kind: "boolean",
    help: "without the privileged container that makes the kernel settings of the mode and ends: the nodes have them from elsewhere (lvscare sysctls)",
    group: POD,
  },
  {
    flag: "pod-monitor",
    kind: "boolean",
    help: "with a PodMonitor, for Prometheus' operator to collect the metrics of --http-listen",
    group: POD,
  },
] as const satisfies readonly OptionRow[];

export type DaemonSetFlag = (typeof DAEMON_SET_OPTION_ROWS)[number]["flag"];

/** Flags of `lvscare care` that its daemons may be given. */
export const ON_EVERY_NODE: readonly OptionRow[] = CARE_OPTION_ROWS.filter(
  ({ flag }) => flag !== "run-once" && flag !== "clean",
);
