import { defineCommand, type CommandDef } from "citty";
import type { OptionRow } from "../config/option-row.ts";
import { OptionValues } from "../config/option-values.ts";
import { readArgv, type ArgvReading } from "../config/read-argv.ts";
import { UsageError } from "../config/usage-error.ts";
import type { CliContext } from "./cli-context.ts";
import { createPaint } from "./colour.ts";
import { renderUsage, type CommandUsage } from "./usage.ts";

export interface Command {
  readonly usage: CommandUsage;
  /** Its `run` returns an exit code. */
  define(context: CliContext): CommandDef;
}

/** A command in the list of them. */
export interface CommandEntry {
  readonly name: string;
  /** One line for the list. */
  readonly summary: string;
  /** Loads the command's code, which no other command pays for. */
  load(): Promise<Command>;
}

export interface CommandSteps<Flag extends string, Options> {
  /**
   * Reads the options. Any problems are added to those of the values; then all of them are reported, nothing is run,
   * and the result may be undefined.
   */
  read(
    values: OptionValues<Flag>,
    reading: ArgvReading,
    context: CliContext,
  ): Options | undefined | Promise<Options | undefined>;
  /** Resolves to the exit code. */
  run(options: Options, context: CliContext): Promise<number>;
}

/** A command made of its usage: `--help`, and the arguments that it takes, are read by the same table. */
export function command<const Row extends OptionRow, Options>(
  usage: CommandUsage<Row>,
  { read, run }: CommandSteps<Row["flag"], Options>,
): Command {
  const { name, about, rows, borrowed = [], operands } = usage;
  return {
    usage,
    define: (context) =>
      defineCommand({
        meta: { name, description: about },
        async run({ rawArgs }) {
          const reading = readArgv(rawArgs, [...rows, ...borrowed], operands);
          if (reading.help) {
            await context.out.write(renderUsage(usage, createPaint(context.outColour)));
            return 0;
          }
          const values = new OptionValues<Row["flag"]>(rows, reading.given, reading.problems);
          const options = await read(values, reading, context);
          if (options === undefined || values.problems.length > 0) throw new UsageError(values.problems);
          return run(options, context);
        },
      }),
  };
}

/** Of every command with flags, in their order; only completions and the manual need them all. */
export async function usagesOf(commands: readonly CommandEntry[]): Promise<CommandUsage[]> {
  const loaded = await Promise.all(commands.map(({ load }) => load()));
  return loaded.map(({ usage }) => usage).filter(({ rows }) => rows.length > 0);
}
