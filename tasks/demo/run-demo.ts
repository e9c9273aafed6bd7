import { parseArgs } from "node:util";
import { playInKernel } from "./in-kernel.ts";
import { playDemo } from "./play.ts";

const USAGE = `Three echo servers behind one virtual address: one dies and comes back.

  bun run demo            on this machine, with its kernel's IPVS where it has that and you are root
  bun run demo --page     with its page, and goes on until Ctrl-C
  bun run demo --kernel   with IPVS in any case: in user-mode Linux, as root
`;

/** Resolves to its exit code. */
export async function runDemo(argv: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        page: { type: "boolean", default: false },
        kernel: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      return 0;
    }
    if (values.page && values.kernel)
      throw new Error("--page does not go with --kernel: the browser does not get into that kernel");
    return values.kernel ? await playInKernel() : await playDemo({ hasPage: values.page });
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
