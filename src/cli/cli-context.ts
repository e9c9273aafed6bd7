import type { Environment } from "../config/read-environment.ts";
import { wantsColour } from "./colour.ts";
import { Descriptor } from "./descriptor.ts";
import { Output } from "./output.ts";
import { terminalAt } from "./terminal.ts";

/** What a command may touch of the process it runs in. */
export interface CliContext {
  readonly environment: Environment;
  readonly out: Output;
  readonly err: Output;
  /** Columns of the terminal on stdout; undefined when it is none, and lines may have any length. */
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  readonly outColour: boolean;
  readonly errColour: boolean;
  /**
   * For commands that run on and handle signals: from now on no write blocks the process, and `isUnread` sees when a
   * reader is gone.
   */
  neverBlock(): Promise<void>;
}

export function processContext(): CliContext {
  const { env } = process;
  const [stdout, stderr] = [terminalAt(1), terminalAt(2)];
  const descriptors = { out: new Descriptor(1), err: new Descriptor(2) };
  return {
    environment: env,
    out: outputTo(descriptors.out),
    err: outputTo(descriptors.err),
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
    async neverBlock() {
      const { descriptorState } = await import("../app/descriptor-state.ts");
      descriptors.out.neverBlock(descriptorState(1));
      descriptors.err.neverBlock(descriptorState(2));
    },
  };
}

// --- internal ---

function outputTo(descriptor: Descriptor): Output {
  return new Output(
    (text) => descriptor.take(text),
    () => descriptor.isUnread,
  );
}
