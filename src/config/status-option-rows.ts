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
    choices: ["table", "wide", "json", "yaml"],
    default: "table",
    help: "table for people, wide for one with traffic and all that is kept on the host, json or yaml for programs",
    group: "Flags",
  },
  {
    flag: "watch",
    alias: "w",
    kind: "boolean",
    help: "go on until Ctrl-C: redrawn in place on a terminal, elsewhere a line (or, as json or yaml, a report) for each change",
    group: "Flags",
  },
  {
    flag: "exit-code",
    kind: "boolean",
    help: "tell health by the exit code: 0 all healthy, 1 some are not, 2 none is (also with a last resort) or fail-open, or nothing can be written, 3 no daemon answers; those that an operator drained do not count",
    group: "Flags",
  },
  {
    flag: "need-daemon",
    kind: "boolean",
    help: "exit with 3 unless a daemon answers, whatever the health it tells of: for liveness probes",
    group: "Flags",
  },
] as const satisfies readonly OptionRow[];

export type StatusFlag = (typeof STATUS_OPTION_ROWS)[number]["flag"];
