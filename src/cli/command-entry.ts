import type { CommandDef } from "citty";
import type { CliContext } from "./cli-context.ts";

export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Loads the command's code, which no other command pays for. Its `run` returns an exit code. */
  load(context: CliContext): Promise<CommandDef>;
}
