import { defineCommand, type CommandDef } from "citty";
import { OPERATOR_OPTION_ROWS } from "../../config/operator-option-rows.ts";
import { readArgv } from "../../config/read-argv.ts";
import { readOperatorLine } from "../../config/read-operator-line.ts";
import { UsageError } from "../../config/usage-error.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";
import { tellHolds } from "./tell-holds.ts";

/** `lvscare undrain`: what `lvscare drain` began comes to its end. */
export function undrainCommand(context: CliContext): CommandDef {
  return defineCommand({
    meta: { name: UNDRAIN_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, OPERATOR_OPTION_ROWS, 1);
      if (reading.help) {
        await context.out.write(renderUsage(UNDRAIN_USAGE, createPaint(context.outColour)));
        return 0;
      }
      const { line, values } = readOperatorLine(reading, OPERATOR_OPTION_ROWS);
      if (values.problems.length > 0) throw new UsageError(values.problems);
      const { holdRealServer } = await import("../../app/operate.ts");
      return tellHolds(await holdRealServer(line, { kind: "undrain" }), line.format, context);
    },
  });
}

export const UNDRAIN_USAGE: CommandUsage = {
  name: "undrain",
  about:
    "Has a real server that `lvscare drain` took out take connections again, as soon as its checks find it healthy.",
  synopsis: "<IP:port> [flags]",
  rows: OPERATOR_OPTION_ROWS,
  operands: 1,
  examples: [{ about: "after the upgrade", command: "lvscare undrain 192.168.0.2:6443" }],
};
