import { defineCommand, type CommandDef } from "citty";
import { readArgv } from "../../config/read-argv.ts";
import { UsageError } from "../../config/usage-error.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import type { CommandEntry } from "../command-entry.ts";
import { renderCompletion, SHELLS } from "../completion-text.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";

/** `lvscare completion`: a script for a shell. */
export function completionCommand(context: CliContext, commands: readonly CommandEntry[]): CommandDef {
  return defineCommand({
    meta: { name: COMPLETION_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, [], 1);
      if (reading.help) {
        await context.out.write(renderUsage(COMPLETION_USAGE, createPaint(context.outColour)));
        return 0;
      }
      const shell = SHELLS.find((one) => one === reading.operands[0]);
      const problem = shell === undefined ? [`name a shell: ${SHELLS.join(", ")}`] : [];
      if (shell === undefined || reading.problems.length > 0) throw new UsageError([...reading.problems, ...problem]);
      const { USAGES } = await import("../usages.ts");
      await context.out.write(renderCompletion(shell, commands, USAGES));
      return 0;
    },
  });
}

export const COMPLETION_USAGE: CommandUsage = {
  name: "completion",
  about: "Prints a script that completes commands and flags in bash, zsh or fish.",
  synopsis: "bash|zsh|fish",
  rows: [],
  operands: 1,
  examples: [{ about: "for this shell only", command: "lvscare completion bash" }],
  notes: ["bash: source <(lvscare completion bash), in ~/.bashrc for always. fish: lvscare completion fish | source."],
};
