import { LvscareError } from "../domain/errors.ts";
import type { OptionRow } from "./option-row.ts";
import type { OptionValues } from "./option-values.ts";
import { outputRow, parseCalled, readVirtualServers, virtualServersRow } from "./shared-option-rows.ts";
import { parseChoice } from "./value-parsers.ts";

/** What all commands on one real server take. */
export const OPERATOR_OPTION_ROWS = [
  virtualServersRow("the virtual server that it stands behind, where it stands behind several"),
  outputRow(["text", "json"], "text for people, json for programs: one object for each virtual server, a line each"),
] as const satisfies readonly OptionRow[];

export interface OperatorLine {
  /** Formatted endpoint, or name; so are the virtual servers. */
  readonly realServer: string;
  readonly virtualServers: readonly string[];
  readonly format: "text" | "json";
}

/** The options. Any problems are added to those of the values. */
export function readOperatorLine(
  values: OptionValues<"vs" | "output">,
  [operand]: readonly (string | undefined)[],
): OperatorLine {
  const virtualServers = readVirtualServers(values);
  const format = values.read("output", parseChoice(["text", "json"]));
  let realServer = "";
  if (operand === undefined) values.problems.push("name a real server: <IP:port> or its name");
  else {
    try {
      realServer = parseCalled(operand);
    } catch (error) {
      if (!(error instanceof LvscareError)) throw error;
      values.problems.push(error.message);
    }
  }
  return { realServer, virtualServers, format };
}
