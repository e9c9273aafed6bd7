import { CARE_OPTION_ROWS } from "./care-option-rows.ts";
import type { OptionRow } from "./option-row.ts";

/** The options of `lvscare systemd` that are its own: it takes those of a daemon besides. */
export const SYSTEMD_OPTION_ROWS = [
  {
    flag: "binary",
    kind: "text",
    valueName: "path",
    takesFile: true,
    default: "/usr/local/bin/lvscare",
    help: "where lvscare is installed",
    group: "Flags",
  },
] as const satisfies readonly OptionRow[];

export type SystemdFlag = (typeof SYSTEMD_OPTION_ROWS)[number]["flag"];

/** Flags of `lvscare care` that make sense for a service. */
export const SERVICE_OPTION_ROWS: readonly OptionRow[] = CARE_OPTION_ROWS.filter(
  ({ flag }) => flag !== "run-once" && flag !== "clean",
);
