import type { OptionRow } from "./option-row.ts";

/** The options of `lvscare simulate` that are its own: it takes those of `lvscare care` besides. */
export const SIMULATE_OPTION_ROWS = [
  {
    flag: "output",
    alias: "o",
    kind: "text",
    valueName: "format",
    choices: ["text", "json"],
    default: "text",
    help: "text for people, json for programs",
    group: "Flags",
  },
] as const satisfies readonly OptionRow[];

export type SimulateFlag = (typeof SIMULATE_OPTION_ROWS)[number]["flag"];
