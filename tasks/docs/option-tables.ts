import { CARE_COMMAND_ROWS } from "../../src/config/care-option-rows.ts";
import type { OptionRow } from "../../src/config/option-row.ts";

/** The flags of `lvscare care`, a table for each of their groups in the help. */
export function careFlagTables(): string {
  const groups = Map.groupBy<string, OptionRow>(CARE_COMMAND_ROWS, (row) => row.group);
  return [...groups].map(([group, rows]) => optionTable(group, rows)).join("\n\n");
}

export function optionTable(title: string, rows: readonly OptionRow[]): string {
  return [`| ${title} | default | |`, "|---|---|---|", ...rows.map(line)].join("\n");
}

// --- internal ---

function line({ flag, alias, valueName, default: fallback = "", help }: OptionRow): string {
  const names = `${alias === undefined ? "" : `-${alias}, `}--${flag}${valueName === undefined ? "" : ` ${valueName}`}`;
  return `| \`${names}\` | ${fallback === "" ? "" : `\`${fallback}\``} | ${help.replaceAll("|", "\\|")} |`;
}
