import type { Counts } from "./counts.ts";
import { runBun } from "./run-bun.ts";

/** What checks the code without running it; each counts as one test. */
export const staticSteps = [
  { name: "type check", argv: ["tsc", "--noEmit"] },
  { name: "page types", argv: ["tsc", "--noEmit", "--project", "src/control/page"] },
  { name: "lint", argv: ["oxlint", "--deny-warnings"] },
  { name: "format check", argv: ["oxfmt", "--check"] },
  { name: "dead code", argv: ["knip"] },
] as const;

export async function runStaticStep(argv: readonly string[]): Promise<Counts> {
  const exitCode = await runBun(["--bun", "run", "--silent", ...argv], 300_000);
  return exitCode === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}
