import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { runCommand } from "../../test/kernel/harness/run-command.ts";
import { HARDLY_RUN } from "../../src/cli/jit-policy.ts";
import { checkout } from "../test/checkout.ts";
import { buildFacts } from "./build-facts.ts";
import type { Target } from "./targets.ts";

/** For which machine to compile, and the runtime of that machine. */
export interface CrossCompilation {
  readonly target: Target;
  readonly runtime: string;
}

/**
 * Compiles the one-file binary, for this machine unless told otherwise. Without the two autoload flags it would run code that a planted
 * `bunfig.toml` names. The bytecode serves every machine (it is independent of the one that compiles since Bun 1.4) and halves the start; with splitting, a
 * command loads no other command's code.
 *
 * Most commands run most of their functions once, so compiling them to machine code is put off.
 *
 * A build whose bytecode failed exits 0 all the same and leaves a binary that dies at its start, so one that can run here is run.
 */
export async function compile(output: string, cross?: CrossCompilation): Promise<void> {
  // Of its own: two test runs in one checkout may build at once.
  const draft = `${output}.${process.pid}.new`;
  await mkdir(dirname(output), { recursive: true });
  try {
    await runCommand(
      [
        process.execPath,
        "build",
        "--compile",
        // The libraries as they are for use: XState's other build examines each event, and writes to stderr by itself.
        "--production",
        "--bytecode",
        "--format=esm",
        "--splitting",
        // Of a library with both, its ES modules: those of CommonJS come whole, and every use of them goes through an object.
        "--conditions=module",
        `--compile-jit-policy=${HARDLY_RUN}`,
        "--no-compile-autoload-dotenv",
        "--no-compile-autoload-bunfig",
        ...Object.entries(await buildFacts()).map(([name, value]) => `--define=${name}=${value}`),
        ...(cross === undefined ? [] : [`--target=${cross.target.bun}`, `--compile-executable-path=${cross.runtime}`]),
        `--outfile=${draft}`,
        resolve(checkout, "src/cli/main.ts"),
      ],
      // A part of that on a machine at rest; the whole run of the tests begins with this and much else.
      { cwd: checkout, timeoutMs: 600_000 },
    );
    if (cross === undefined || (cross.target.arch === process.arch && cross.target.libc === "glibc"))
      await runCommand([draft, "version"], { timeoutMs: 120_000 });
    await rename(draft, output);
  } finally {
    await rm(draft, { force: true });
  }
}
