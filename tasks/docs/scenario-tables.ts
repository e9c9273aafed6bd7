import { SCENARIO_FORMAT } from "../../src/cli/scenario-format.ts";

/** What may stand in a scenario, as the help has it. */
export function scenarioTables(): string {
  return SCENARIO_FORMAT.map(({ title, rows }) =>
    [
      `| ${title} | |`,
      "|---|---|",
      ...rows.map(([thing, meaning]) => `| \`${thing}\` | ${meaning.replaceAll("|", "\\|")} |`),
    ].join("\n"),
  ).join("\n\n");
}
