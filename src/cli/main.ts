#!/usr/bin/env bun
import type { ParsedArgs } from "citty";
import { nearestName } from "../config/nearest-name.ts";
import { oneLine } from "../config/one-line.ts";
import { UsageError } from "../config/usage-error.ts";
import { describeError } from "../domain/errors.ts";
import { processContext, type CliContext } from "./cli-context.ts";
import type { CommandEntry } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { createPaint } from "./colour.ts";
import { exit } from "./exit.ts";
import { renderOverview } from "./usage.ts";

/** In the place of what citty reads out of the arguments: commands read theirs themselves. */
const UNREAD = {} as ParsedArgs;

if (Bun.isMainThread) {
  const context = processContext();
  await exit(await runCli(process.argv.slice(2), context), [context.out, context.err]);
} else {
  const { answerLocateJob } = await import("../app/locate-worker.ts");
  await answerLocateJob();
}

// --- internal ---

/** Runs one command line and resolves to its exit code: 0, or 1 for bad usage and failures. Never rejects. */
async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  try {
    return await dispatch(argv, context);
  } catch (error) {
    const lines = problemsOf(error).map(
      (problem) => `${createPaint(context.errColour)("red", "lvscare:")} ${oneLine(problem)}\n`,
    );
    // The end of the process waits for it, but not for ever. If stderr is gone too, only the exit code is left to
    // report it.
    context.err.write(lines.join("")).catch(() => undefined);
    return 1;
  }
}

/** One line each; steps that failed for the same reason are one problem. */
function problemsOf(error: unknown): readonly string[] {
  if (error instanceof UsageError) return error.problems;
  return error instanceof AggregateError ? [...new Set(error.errors.map(describeError))] : [describeError(error)];
}

/**
 * Commands are citty's, dispatch is not (0.2.2): its `runCommand` on a tree drops a sub-command's result, which is
 * our exit code, takes `constructor` for a command, and skips flags in front of a command. For a single command it
 * parses the arguments a second time, by a parser of the runtime's that takes milliseconds to load.
 */
async function dispatch(argv: readonly string[], context: CliContext): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h") return overview(context);
  if (name === "--version" || name === "-v" || name === "-V")
    return run(findCommand("version"), ["--short", ...rest], context);
  if (name === "help") {
    const topic = rest.find((word) => !word.startsWith("-"));
    if (topic === undefined || topic === "help") return overview(context);
    return run(findCommand(topic), ["--help"], context);
  }
  return run(findCommand(name), rest, context);
}

function findCommand(name: string): CommandEntry {
  const entry = COMMANDS.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  if (name.startsWith("-")) throw new UsageError([`unknown flag ${name}; flags come after the command`]);
  const meant = nearestName(name, ["help", ...COMMANDS.map((candidate) => candidate.name)]);
  const hint = meant === undefined ? "`lvscare help` lists them" : `did you mean ${meant}?`;
  throw new UsageError([`unknown command "${name}"; ${hint}`]);
}

async function run(entry: CommandEntry, rawArgs: string[], context: CliContext): Promise<number> {
  const command = (await entry.load()).define(context);
  const result: unknown = await command.run?.({ rawArgs, args: UNREAD, cmd: command });
  if (typeof result !== "number") throw new Error(`command ${entry.name} gave no exit code`);
  return result;
}

async function overview(context: CliContext): Promise<number> {
  await context.out.write(renderOverview(COMMANDS, createPaint(context.outColour)));
  return 0;
}
