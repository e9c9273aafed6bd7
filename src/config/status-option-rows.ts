import type { OptionRow } from "./option-row.ts";

/** Every option of `lvscare status`. */
export const STATUS_OPTION_ROWS = [
  {
    flag: "vs",
    kind: "list",
    valueName: "IP:port",
    help: "show only this virtual server; repeat the flag or list several with commas",
    group: "Flags",
  },
  {
    flag: "output",
    alias: "o",
    kind: "text",
    valueName: "format",
    default: "table",
    help: "table for people, json or yaml for programs",
    group: "Flags",
  },
] as const satisfies readonly OptionRow[];

export type StatusFlag = (typeof STATUS_OPTION_ROWS)[number]["flag"];
