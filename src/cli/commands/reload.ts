import { outputRow } from "../../config/shared-option-rows.ts";
import { oneLine } from "../../config/one-line.ts";
import { parseChoice, parseIntervalOrNone } from "../../config/value-parsers.ts";
import type { ReloadReport } from "../../domain/reload.ts";
import { command } from "../command.ts";
import { age } from "../status-text.ts";

/** `lvscare reload`: a daemon reads its configuration file again. */
export const reloadCommand = command(
  {
    name: "reload",
    about:
      "Has a daemon read its configuration file again, waits until that is done, and prints what is other than before and which connections are " +
      "still given time. A file with problems changes nothing: each of them is printed with its place, and the exit code is 1.",
    synopsis: "[flags]",
    rows: [
      {
        flag: "config",
        kind: "text",
        valueName: "file",
        takesFile: true,
        help: "the file of the daemon that is meant, where several daemons of this user have one",
        group: "Flags",
      },
      {
        flag: "wait",
        kind: "text",
        valueName: "time",
        help: "wait until each changed probe decides or is suspicious, at most so long; exit with 1 when one is suspicious or still on trial",
        group: "Flags",
      },
      outputRow(["text", "json"], "text for people, json for programs"),
    ],
    examples: [
      { about: "after a change of the file", command: "lvscare reload" },
      { about: "and whether a changed probe is one that real servers pass", command: "lvscare reload --wait 1m" },
      { about: "one of several daemons", command: "lvscare reload --config /etc/lvscare/edge.yaml" },
    ],
    notes: ["A daemon that was started with flags has no file to read again."],
  },
  {
    read: (values) => ({
      file: values.readOptional("config", (text) => text),
      waitMs: values.readOptional("wait", parseIntervalOrNone),
      format: values.read("output", parseChoice(["text", "json"])),
    }),
    async run({ file, waitMs, format }, { out, err }) {
      const { reloadDaemon } = await import("../../app/reload.ts");
      const report = await reloadDaemon(file, waitMs);
      const { problems, warnings = [], onTrial = [], suspicious = [] } = report;
      if (format === "json") await out.write(`${JSON.stringify(report)}\n`);
      else {
        await out.write(render(linesOf(report)));
        await err.write(render([...warnings, ...problems]));
      }
      if (problems.length > 0) return 1;
      return waitMs !== undefined && suspicious.length + onTrial.length > 0 ? 1 : 0;
    },
  },
);

// --- internal ---

/** A problem has its line for itself, with its place first: editors and scripts find it there. */
function render(lines: readonly string[]): string {
  return lines.map((line) => `${oneLine(line)}\n`).join("");
}

function linesOf({
  outcome,
  since,
  changes,
  draining,
  onTrial = [],
  suspicious = [],
}: ReloadReport): readonly string[] {
  if (outcome === "refused") return [];
  const ago = since === undefined ? "" : ` since it was read ${age(since, new Date())} ago`;
  const same = outcome === "unchanged" ? [`unchanged${ago}`] : [];
  const trials = [...suspicious.map((line) => `SUSPICIOUS: ${line}`), ...onTrial.map((line) => `on trial: ${line}`)];
  return [...same, ...changes, ...trials, ...draining.map((line) => `draining: ${line}`)];
}
