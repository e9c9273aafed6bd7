import { defineCommand, type CommandDef } from "citty";
import { readArgv } from "../../config/read-argv.ts";
import { UsageError } from "../../config/usage-error.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import type { CommandEntry } from "../command-entry.ts";
import { renderManual } from "../manual-text.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";

/** `lvscare man`: the manual page. */
export function manCommand(context: CliContext, commands: readonly CommandEntry[]): CommandDef {
  return defineCommand({
    meta: { name: MAN_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, []);
      if (reading.help) {
        await context.out.write(renderUsage(MAN_USAGE, createPaint(context.outColour)));
        return 0;
      }
      if (reading.problems.length > 0) throw new UsageError(reading.problems);
      const [{ USAGES }, { VERSION }] = await Promise.all([import("../usages.ts"), import("../../app/version.ts")]);
      await context.out.write(renderManual(VERSION, commands, USAGES));
      return 0;
    },
  });
}

export const MAN_USAGE: CommandUsage = {
  name: "man",
  about: "Prints the manual page lvscare(8).",
  synopsis: "",
  rows: [],
  examples: [{ about: "the source of the page", command: "lvscare man" }],
  notes: ["To read it: lvscare man | man -l -"],
};
