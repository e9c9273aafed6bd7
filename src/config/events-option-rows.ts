import type { OptionRow } from "./option-row.ts";

/** Every option of `lvscare events`. */
export const EVENTS_OPTION_ROWS = [
  {
    flag: "vs",
    kind: "list",
    valueName: "IP:port",
    help: "only those of this virtual server; repeat the flag or list several with commas",
    group: "Flags",
  },
  {
    flag: "since",
    kind: "text",
    valueName: "duration",
    help: "only those of the last while, such as 10m (default: all that the daemons remember, about a thousand)",
    group: "Flags",
  },
  {
    flag: "follow",
    alias: "f",
    kind: "boolean",
    help: "go on with what happens from now on, until Ctrl-C",
    group: "Flags",
  },
  {
    flag: "output",
    alias: "o",
    kind: "text",
    valueName: "format",
    choices: ["text", "json"],
    default: "text",
    help: "text for people, json for programs: one object a line",
    group: "Flags",
  },
] as const satisfies readonly OptionRow[];

export type EventsFlag = (typeof EVENTS_OPTION_ROWS)[number]["flag"];
