import { type Needs, unmet } from "./labs.ts";

/**
 * For the top of each kernel test file: these tests change the kernel's tables, so only the runner may start them, and in a lab that has
 * what they need. The runner reads the needs from the file's text: they are written as a literal.
 */
export function requireTestKernel(needs: Needs = {}): void {
  const lab = process.env["LVSCARE_LAB"];
  if (lab === undefined) throw new Error('kernel tests run by "bun run test kernel" or "bun run vm test"');
  const missing = unmet(needs, lab);
  if (missing.length > 0) throw new Error(`these tests need ${missing.join(" and ")}, which the lab ${lab} lacks`);
}
