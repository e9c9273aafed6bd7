import { oneFailure } from "./outcome.ts";
import { runBun, type Write } from "./run-bun.ts";
import type { StepEnd } from "./step.ts";

/** What checks the code without running it; each counts as one test. */
export const staticSteps = [
  { name: "type check", argv: ["tsc", "--noEmit"] },
  { name: "page types", argv: ["tsc", "--noEmit", "--project", "src/control/page"] },
  { name: "lint", argv: ["oxlint", "--deny-warnings"] },
  { name: "format check", argv: ["oxfmt", "--check"] },
  { name: "dead code", argv: ["knip"] },
] as const;

export async function runStaticStep(name: string, argv: readonly string[], write: Write): Promise<StepEnd> {
  const { exitCode, processorS } = await runBun(["--bun", "run", "--silent", ...argv], 900_000, write);
  const outcome =
    exitCode === 0
      ? { passed: 1, failed: 0, skipped: 0, failures: [] }
      : oneFailure(name, `bun --bun run ${argv.join(" ")}`);
  return { outcome, processorS };
}
