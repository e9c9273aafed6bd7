import { defineCommand, type CommandDef } from "citty";
import { OptionValues } from "../../config/option-values.ts";
import { readArgv } from "../../config/read-argv.ts";
import { UsageError } from "../../config/usage-error.ts";
import { parseBoolean, parseChoice } from "../../config/value-parsers.ts";
import { VERSION_OPTION_ROWS, type VersionFlag } from "../../config/version-option-rows.ts";
import { buildInfo } from "../build-info.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { formatData } from "../format-data.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";

/** `lvscare version`: JSON, as the Go program prints it. */
export function versionCommand(context: CliContext): CommandDef {
  return defineCommand({
    meta: { name: VERSION_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, VERSION_OPTION_ROWS);
      if (reading.help) {
        await context.out.write(renderUsage(VERSION_USAGE, createPaint(context.outColour)));
        return 0;
      }
      const values = new OptionValues<VersionFlag>(VERSION_OPTION_ROWS, reading.given, reading.problems);
      const short = values.read("short", parseBoolean);
      const format = values.read("output", parseChoice(["json", "yaml"]));
      if (values.problems.length > 0) throw new UsageError(values.problems);
      const info = buildInfo();
      await context.out.write(short ? `${info.gitVersion}-${info.gitCommit}\n` : formatData(info, format));
      return 0;
    },
  });
}

export const VERSION_USAGE: CommandUsage = {
  name: "version",
  about: "Prints the version and what it was built from.",
  synopsis: "[flags]",
  rows: VERSION_OPTION_ROWS,
  examples: [{ about: "one word for scripts", command: "lvscare version --short" }],
};
