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

/** The same of several real servers. */
export interface OperatorLines extends Omit<OperatorLine, "realServer"> {
  readonly realServers: readonly string[];
}

/** That may be named at once: a daemon answers no more in a second. */
export const MOST_NAMED_AT_ONCE = 100;

/** The options. Any problems are added to those of the values. */
export function readOperatorLine(
  values: OptionValues<"vs" | "output">,
  [operand]: readonly (string | undefined)[],
): OperatorLine {
  const { realServers, ...line } = readOperatorLines(values, operand === undefined ? [] : [operand]);
  return { realServer: realServers[0] ?? "", ...line };
}

/** The options of a command for several real servers. Any problems are added to those of the values. */
export function readOperatorLines(values: OptionValues<"vs" | "output">, operands: readonly string[]): OperatorLines {
  const virtualServers = readVirtualServers(values);
  const format = values.read("output", parseChoice(["text", "json"]));
  if (operands.length === 0) values.problems.push("name a real server: <IP:port> or its name");
  const realServers = operands.flatMap((operand) => {
    try {
      return [parseCalled(operand)];
    } catch (error) {
      if (!(error instanceof LvscareError)) throw error;
      values.problems.push(error.message);
      return [];
    }
  });
  return { realServers: [...new Set(realServers)], virtualServers, format };
}
