import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Why a program is not run; undefined when all is well. Throws what the system refuses to tell of it. Whoever can change
 * what root runs is root: as root, nobody else may be able to write it, or any folder above it.
 */
export function programProblem(path: string): string | undefined {
  const program = realpathSync(path);
  if (!statSync(program).isFile()) return "it is no file";
  accessSync(program, constants.X_OK);
  if (process.getuid?.() !== 0) return undefined;
  for (let at = program; ; at = dirname(at)) {
    const { uid, mode } = statSync(at);
    // In a folder that is sticky, such as /tmp, nobody moves what is another's.
    const isSticky = at !== program && (mode & 0o1000) !== 0;
    if (uid !== 0 || ((mode & 0o022) !== 0 && !isSticky))
      return `${at === program ? "it" : at} is writable by others than root`;
    if (at === dirname(at)) return undefined;
  }
}
