import { resolve } from "node:path";
import { machineGraph } from "../src/actors/machine-graph.ts";
import { checkConfigCommand } from "../src/cli/commands/check-config.ts";
import { configCommand } from "../src/cli/commands/config.ts";
import { doctorCommand } from "../src/cli/commands/doctor.ts";
import { drainCommand } from "../src/cli/commands/drain.ts";
import { eventsCommand } from "../src/cli/commands/events.ts";
import { machineCommand } from "../src/cli/commands/machine.ts";
import { membersCommand } from "../src/cli/commands/members.ts";
import { rbacCommand } from "../src/cli/commands/rbac.ts";
import { reloadCommand } from "../src/cli/commands/reload.ts";
import { simulateCommand } from "../src/cli/commands/simulate.ts";
import { statusCommand } from "../src/cli/commands/status.ts";
import { systemdCommand } from "../src/cli/commands/systemd.ts";
import { versionCommand } from "../src/cli/commands/version.ts";
import { renderMermaid } from "../src/cli/machine-text.ts";
import { CARE_COMMAND_ROWS } from "../src/config/care-option-rows.ts";
import { DAEMON_SET_OPTION_ROWS } from "../src/config/daemon-set-option-rows.ts";
import { OPERATOR_OPTION_ROWS } from "../src/config/operator-line.ts";
import type { OptionRow } from "../src/config/option-row.ts";
import { STATIC_POD_OPTION_ROWS } from "../src/config/static-pod-option-rows.ts";

export const README = resolve(import.meta.dir, "../README.md");

const BEGIN = "<!-- flags, written by `bun run readme` -->";
const END = "<!-- end of flags -->";
const MACHINE_BEGIN = "<!-- machine, written by `bun run readme` -->";
const MACHINE_END = "<!-- end of machine -->";

/** The README with its tables of flags and its picture of the machine as the program has them; a test holds it to that. */
export function withFlags(readme: string): string {
  return withMachine(withTables(readme));
}

function withTables(readme: string): string {
  const [before = "", rest = ""] = readme.split(BEGIN);
  const [, after] = rest.split(END);
  if (after === undefined) throw new Error(`README.md has no place for the flags between ${BEGIN} and ${END}`);
  const groups = Map.groupBy<string, OptionRow>(CARE_COMMAND_ROWS, (row) => row.group);
  const tables = [
    ...[...groups].map(([group, rows]) => table(group, rows)),
    table("`lvscare check-config`", checkConfigCommand.usage.rows),
    table("`lvscare config`, besides those of `care`", configCommand.usage.rows),
    table("`lvscare status`", statusCommand.usage.rows),
    table("`lvscare events`", eventsCommand.usage.rows),
    table("`lvscare members`", membersCommand.usage.rows),
    table("`lvscare drain`", drainCommand.usage.rows),
    table("`lvscare undrain`, `lvscare weight` and `lvscare check`", OPERATOR_OPTION_ROWS),
    table("`lvscare reload`", reloadCommand.usage.rows),
    table("`lvscare doctor`", doctorCommand.usage.rows),
    table("`lvscare static-pod`, besides those of `care`", STATIC_POD_OPTION_ROWS),
    table("`lvscare daemonset`, besides those of `care`", DAEMON_SET_OPTION_ROWS),
    table("`lvscare rbac`", rbacCommand.usage.rows),
    table("`lvscare systemd`, besides those of `care`", systemdCommand.usage.rows),
    table("`lvscare simulate`, besides those of `care`", simulateCommand.usage.rows),
    table("`lvscare machine`", machineCommand.usage.rows),
    table("`lvscare version`", versionCommand.usage.rows),
  ];
  return `${before}${BEGIN}\n\n${tables.join("\n\n")}\n\n${END}${after}`;
}

if (import.meta.main) {
  await Bun.write(README, withFlags(await Bun.file(README).text()));
}

// --- internal ---

function withMachine(readme: string): string {
  const [before = "", rest = ""] = readme.split(MACHINE_BEGIN);
  const [, after] = rest.split(MACHINE_END);
  if (after === undefined)
    throw new Error(`README.md has no place for the machine between ${MACHINE_BEGIN} and ${MACHINE_END}`);
  const picture = `\`\`\`mermaid\n${renderMermaid(machineGraph("real-server"))}\`\`\``;
  return `${before}${MACHINE_BEGIN}\n\n${picture}\n\n${MACHINE_END}${after}`;
}

function table(title: string, rows: readonly OptionRow[]): string {
  return [`| ${title} | default | |`, "|---|---|---|", ...rows.map(line)].join("\n");
}

function line({ flag, alias, valueName, default: fallback = "", help }: OptionRow): string {
  const names = `${alias === undefined ? "" : `-${alias}, `}--${flag}${valueName === undefined ? "" : ` ${valueName}`}`;
  return `| \`${names}\` | ${fallback === "" ? "" : `\`${fallback}\``} | ${help.replaceAll("|", "\\|")} |`;
}
