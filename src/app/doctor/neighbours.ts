import { note, ok, type Finding } from "../../domain/finding.ts";
import type { HostProcess } from "../culprit.ts";
import { readText } from "./read-text.ts";
import type { Subject } from "./subject.ts";

export interface CommandedProcess extends HostProcess {
  readonly argv: readonly string[];
}

/**
 * Other programs of this network namespace that write to IPVS, and daemons of ours that `lvscare status` does not
 * find.
 */
export function judgeNeighbours(processes: readonly CommandedProcess[], subjects: readonly Subject[]): Finding[] {
  const known = new Set(subjects.flatMap(({ daemon }) => daemon?.pid ?? []));
  const findings = processes.flatMap(({ pid, name, argv }) => {
    if (name === "keepalived") {
      return [
        note(
          "neighbours",
          `keepalived (pid ${pid}) runs here and may balance the same address`,
          "see that `grep -rn virtual_server /etc/keepalived` shows none of the virtual servers here",
        ),
      ];
    }
    const cares = name === "lvscare" && ["care", "ipvs"].includes(argv[1] ?? "");
    if (!cares || known.has(pid)) return [];
    const address = argv.find((_, at) => argv[at - 1] === "--vs") ?? argv.find((word) => word.startsWith("--vs="));
    return [
      note(
        "neighbours",
        `another lvscare (pid ${pid}) runs here${address === undefined ? "" : `, for ${address.replace("--vs=", "")}`}`,
        `\`lvscare status\`, as its user and in its container, shows what it cares for`,
      ),
    ];
  });
  return findings.length === 0 ? [ok("neighbours", "nobody else is known to write to IPVS here")] : findings;
}

export function readCommands(processes: readonly HostProcess[]): readonly CommandedProcess[] {
  return processes
    .filter(({ name }) => name === "keepalived" || name === "lvscare")
    .map((one) => ({ ...one, argv: (readText(`/proc/${one.pid}/cmdline`) ?? "").split("\0") }));
}
