import { oneFailure, type Outcome } from "./outcome.ts";
import { runBun, type Write } from "./run-bun.ts";

/** What checks the code without running it; each counts as one test. */
export const staticSteps = [
  { name: "type check", argv: ["tsc", "--noEmit"] },
  { name: "page types", argv: ["tsc", "--noEmit", "--project", "src/control/page"] },
  { name: "lint", argv: ["oxlint", "--deny-warnings"] },
  { name: "format check", argv: ["oxfmt", "--check"] },
  { name: "dead code", argv: ["knip"] },
] as const;

export async function runStaticStep(name: string, argv: readonly string[], write: Write): Promise<Outcome> {
  const exitCode = await runBun(["--bun", "run", "--silent", ...argv], 300_000, write);
  if (exitCode !== 0) return oneFailure(name, `bun --bun run ${argv.join(" ")}`);
  return { passed: 1, failed: 0, skipped: 0, failures: [] };
}
