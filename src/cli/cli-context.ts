import type { Environment } from "../config/read-environment.ts";
import { wantsColour } from "./colour.ts";
import { Output } from "./output.ts";

/** What a command may touch of the process it runs in. */
export interface CliContext {
  readonly environment: Environment;
  readonly out: Output;
  readonly err: Output;
  /** Columns of the terminal on stdout; undefined when it is none, and lines may be as long as they like. */
  readonly columns: number | undefined;
  readonly outColour: boolean;
  readonly errColour: boolean;
}

export function processContext(): CliContext {
  const { stdout, stderr, env } = process;
  return {
    environment: env,
    out: new Output(stdout),
    err: new Output(stderr),
    // Some terminals say that they are 0 columns wide.
    columns: (stdout.isTTY && stdout.columns) || undefined,
    outColour: wantsColour(stdout.isTTY, env),
    errColour: wantsColour(stderr.isTTY, env),
  };
}
