import { formatEndpoint, parseEndpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import type { OperatorFlag } from "./operator-option-rows.ts";
import { OptionValues } from "./option-values.ts";
import type { OptionRow } from "./option-row.ts";
import type { ArgvReading } from "./read-argv.ts";
import { parseChoice } from "./value-parsers.ts";

export interface OperatorLine {
  readonly realServer: string;
  readonly virtualServers: readonly string[];
  readonly format: "text" | "json";
}

/** What all commands on one real server are told. The values come too, for options besides; their problems are to be looked at first. */
export function readOperatorLine<Flag extends string>(
  reading: ArgvReading,
  rows: readonly OptionRow[],
): { readonly line: OperatorLine; readonly values: OptionValues<Flag | OperatorFlag> } {
  const values = new OptionValues<Flag | OperatorFlag>(rows, reading.given, reading.problems);
  const virtualServers = values.readList("vs", (text) => formatEndpoint(parseEndpoint(text)));
  const format = values.read("output", parseChoice(["text", "json"]));
  const [operand] = reading.operands;
  let realServer = "";
  if (operand === undefined) values.problems.push("name a real server: <IP:port>");
  else {
    try {
      realServer = formatEndpoint(parseEndpoint(operand));
    } catch (error) {
      if (!(error instanceof LvscareError)) throw error;
      values.problems.push(error.message);
    }
  }
  return { line: { realServer, virtualServers, format }, values };
}
