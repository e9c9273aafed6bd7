import type { Environment } from "../config/read-environment.ts";
import { wantsColour } from "./colour.ts";
import { Output } from "./output.ts";
import { terminalAt } from "./terminal.ts";

/** What a command may touch of the process it runs in. */
export interface CliContext {
  readonly environment: Environment;
  readonly out: Output;
  readonly err: Output;
  /** Columns of the terminal on stdout; undefined when it is none, and lines may be as long as they like. */
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  readonly outColour: boolean;
  readonly errColour: boolean;
}

export function processContext(): CliContext {
  const { env } = process;
  const [stdout, stderr] = [terminalAt(1), terminalAt(2)];
  return {
    environment: env,
    out: new Output((text) => Bun.write(Bun.stdout, text)),
    err: new Output((text) => Bun.write(Bun.stderr, text)),
    get columns() {
      return stdout.columns;
    },
    get rows() {
      return stdout.rows;
    },
    get outColour() {
      return wantsColour(stdout.isTerminal, env);
    },
    get errColour() {
      return wantsColour(stderr.isTerminal, env);
    },
  };
}
