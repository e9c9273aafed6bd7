import { SCHEDULERS } from "../domain/virtual-server.ts";
import type { OptionRow } from "./option-row.ts";

/** Every option of `lvscare doctor`. */
export const DOCTOR_OPTION_ROWS = [
  {
    flag: "vs",
    kind: "list",
    valueName: "IP:port",
    help: "examine this virtual server, whether it stands already or not; repeat the flag or list several with commas (default: those that daemons care for, else those of the kernel's table)",
    group: "Flags",
  },
  {
    flag: "rs",
    kind: "list",
    valueName: "IP:port",
    help: "a real server that it has or shall have, besides those known already; needs one --vs",
    group: "Flags",
  },
  {
    flag: "scheduler",
    kind: "text",
    valueName: "name",
    choices: SCHEDULERS,
    help: "see whether this scheduler works, too (default: rr where nothing stands)",
    group: "Flags",
  },
  {
    flag: "mode",
    kind: "text",
    valueName: "mode",
    choices: ["route", "link", "none"],
    help: "how this host is meant to get to the virtual address: route, link or none (default: as the daemon has it, else route)",
    group: "Flags",
  },
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

export type DoctorFlag = (typeof DOCTOR_OPTION_ROWS)[number]["flag"];
