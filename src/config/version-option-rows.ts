import type { OptionRow } from "./option-row.ts";

/** Every option of `lvscare version`. */
export const VERSION_OPTION_ROWS = [
  { flag: "short", kind: "boolean", help: "only <version>-<commit>", group: "Flags" },
  {
    flag: "output",
    alias: "o",
    kind: "text",
    valueName: "format",
    choices: ["json", "yaml"],
    default: "json",
    help: "json or yaml",
    group: "Flags",
  },
] as const satisfies readonly OptionRow[];

export type VersionFlag = (typeof VERSION_OPTION_ROWS)[number]["flag"];
