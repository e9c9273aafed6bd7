import { defineCommand, type CommandDef } from "citty";
import { readArgv } from "../../config/read-argv.ts";
import { UsageError } from "../../config/usage-error.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";

/** `lvscare licences`: the notices that go with the program, wherever it was copied to. */
export function licencesCommand(context: CliContext): CommandDef {
  return defineCommand({
    meta: { name: LICENCES_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, []);
      if (reading.help) {
        await context.out.write(renderUsage(LICENCES_USAGE, createPaint(context.outColour)));
        return 0;
      }
      if (reading.problems.length > 0) throw new UsageError(reading.problems);
      const { renderLicences } = await import("../licences-text.ts");
      await context.out.write(renderLicences());
      return 0;
    },
  });
}

export const LICENCES_USAGE: CommandUsage = {
  name: "licences",
  about: "Prints the licence of LVScare, and the notices of the libraries and the runtime that are inside of it.",
  synopsis: "",
  rows: [],
  examples: [{ about: "all of them", command: "lvscare licences" }],
};
