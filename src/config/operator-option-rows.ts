import type { OptionRow } from "./option-row.ts";

/** Every option of `lvscare undrain`, `lvscare weight` and `lvscare check`. */
export const OPERATOR_OPTION_ROWS = [
  {
    flag: "vs",
    kind: "list",
    valueName: "IP:port",
    help: "the virtual server that it stands behind, where it stands behind several; repeat the flag or list several with commas",
    group: "Flags",
  },
  {
    flag: "output",
    alias: "o",
    kind: "text",
    valueName: "format",
    choices: ["text", "json"],
    default: "text",
    help: "text for people, json for programs: one object for each virtual server, a line each",
    group: "Flags",
  },
] as const satisfies readonly OptionRow[];

/** Every option of `lvscare drain`. */
export const DRAIN_OPTION_ROWS = [
  {
    flag: "wait",
    kind: "text",
    valueName: "time",
    help: "wait until it has no open connections any more, at most so long; exit with 1 when it still has",
    group: "Flags",
  },
  ...OPERATOR_OPTION_ROWS,
] as const satisfies readonly OptionRow[];

export type OperatorFlag = (typeof OPERATOR_OPTION_ROWS)[number]["flag"];
export type DrainFlag = (typeof DRAIN_OPTION_ROWS)[number]["flag"];
