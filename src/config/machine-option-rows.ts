import type { OptionRow } from "./option-row.ts";

/** Every option of `lvscare machine`. */
export const MACHINE_OPTION_ROWS = [
  {
    flag: "format",
    kind: "text",
    valueName: "format",
    choices: ["mermaid", "dot", "json"],
    default: "mermaid",
    help: "mermaid for documents, dot for Graphviz, json for programs",
    group: "Flags",
  },
] as const satisfies readonly OptionRow[];

export type MachineFlag = (typeof MACHINE_OPTION_ROWS)[number]["flag"];
