import { existsSync } from "node:fs";
import { createPaint, wantsColour } from "../../src/cli/colour.ts";
import { runInLab } from "../../test/kernel/harness/labs.ts";
import { UML_PACKAGES } from "../../test/kernel/harness/packages.ts";
import { checkout } from "../test/checkout.ts";
import { COLOUR_VARIABLE } from "./screen.ts";

/** What user-mode Linux needs of this machine and is not there, as names of Debian's packages. */
export function missingForKernel(): readonly string[] {
  return UML_PACKAGES.filter(({ file }) => !existsSync(file)).map(({ name }) => name);
}

/** Plays it in a kernel of its own, which has IPVS and is a process of this machine. Nothing is installed for it. */
export async function playInKernel(): Promise<number> {
  const missing = missingForKernel();
  if (missing.length > 0) throw new Error(`--kernel needs Debian's packages: apt-get install ${missing.join(" ")}`);
  if (process.getuid?.() !== 0) throw new Error("--kernel needs root, for the files that the kernel starts from");
  const hasColour = wantsColour(process.stdout.isTTY, process.env);
  process.stdout.write(`${createPaint(hasColour)("grey", "A kernel with IPVS starts, in user-mode Linux …")}\n\n`);
  const { exitCode } = await runInLab("uml", {
    command: ["bun", "tasks/demo.ts"],
    cwd: checkout,
    env: { [COLOUR_VARIABLE]: hasColour ? "1" : "" },
    timeoutMs: 120_000,
  });
  return exitCode;
}
