import { machineGraph } from "../../src/actors/machine-graph.ts";
import { renderMermaid } from "../../src/cli/machine-text.ts";
import { commandReference } from "./command-reference.ts";
import { configKeys } from "./config-keys.ts";
import { eventTable } from "./event-table.ts";
import { metricTables } from "./metric-table.ts";
import { numbers } from "./numbers.ts";
import { careFlagTables } from "./option-tables.ts";
import { scenarioTables } from "./scenario-tables.ts";
import { statusExample } from "./status-example.ts";
import { sysctlTable } from "./sysctl-table.ts";

/** What pages hold that is made from the program itself, by the name that stands in their comments. */
export const PARTS: ReadonlyMap<string, () => string | Promise<string>> = new Map<
  string,
  () => string | Promise<string>
>([
  ["flags of care", careFlagTables],
  ["keys of a file", configKeys],
  ["commands", commandReference],
  ["events", eventTable],
  ["metrics", metricTables],
  ["numbers", numbers],
  ["scenario", scenarioTables],
  ["status", statusExample],
  ["sysctls", sysctlTable],
  ["machine", () => `\`\`\`mermaid\n${renderMermaid(machineGraph("real-server"))}\`\`\``],
]);
