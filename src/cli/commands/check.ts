import { defineCommand, type CommandDef } from "citty";
import { OPERATOR_OPTION_ROWS } from "../../config/operator-option-rows.ts";
import { readArgv } from "../../config/read-argv.ts";
import { readOperatorLine } from "../../config/read-operator-line.ts";
import { oneLine } from "../../config/one-line.ts";
import { UsageError } from "../../config/usage-error.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { renderCheck } from "../hold-text.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";

/** `lvscare check`: what a real server answers now. */
export function checkCommand(context: CliContext): CommandDef {
  return defineCommand({
    meta: { name: CHECK_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, OPERATOR_OPTION_ROWS, 1);
      if (reading.help) {
        await context.out.write(renderUsage(CHECK_USAGE, createPaint(context.outColour)));
        return 0;
      }
      const { line, values } = readOperatorLine(reading, OPERATOR_OPTION_ROWS);
      if (values.problems.length > 0) throw new UsageError(values.problems);
      const { checkRealServer } = await import("../../app/operate.ts");
      const { reports, mentions } = await checkRealServer(line);
      const texts = reports.map((report) =>
        line.format === "json" ? `${JSON.stringify(report)}\n` : renderCheck(report),
      );
      await context.out.write(texts.join(""));
      await context.err.remark(mentions.map((one) => `lvscare: ${oneLine(one)}\n`).join(""));
      return reports.every(({ verdict }) => verdict.passed) ? 0 : 1;
    },
  });
}

export const CHECK_USAGE: CommandUsage = {
  name: "check",
  about:
    "Has the daemon check a real server now, as it was told to check, over a connection of its own, and prints what was found and how long " +
    "each step took. The daemon's own check follows at once, so that it acts on what there is to see. Exits with 1 when the check failed.",
  synopsis: "<IP:port> [flags]",
  rows: OPERATOR_OPTION_ROWS,
  operands: 1,
  examples: [{ about: "is it well again?", command: "lvscare check 192.168.0.2:6443" }],
};
