import type { CommandUsage } from "../../src/cli/usage.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { optionTable } from "./option-tables.ts";

/** Each command with what it does, how it is called and its own flags; those of `care` have a page of their own. */
export async function commandReference(): Promise<string> {
  const commands = await Promise.all(COMMANDS.map(({ load }) => load()));
  return commands.map(({ usage }) => section(usage)).join("\n\n");
}

// --- internal ---

function section(usage: CommandUsage): string {
  const { name, about, synopsis, rows, borrowed = [] } = usage;
  const parts = [`## lvscare ${name}`, escape(about), `\`\`\`text\n${`lvscare ${name} ${synopsis}`.trim()}\n\`\`\``];
  if (name === "care" || name === "ipvs") parts.push("Its flags are [those of care](configuration.md#flags).");
  else if (rows.length > 0) parts.push(optionTable("flag", rows));
  if (borrowed.length > 0) parts.push("It takes [flags of care](configuration.md#flags), too.");
  return parts.join("\n\n");
}

/** In prose, what stands between angle brackets is taken for HTML. */
function escape(text: string): string {
  return text.replaceAll("<", "\\<");
}
