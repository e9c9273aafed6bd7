import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { errnoOf } from "../../domain/errors.ts";

/**
 * Why a program is not run; undefined when all is well. Throws what the system refuses to tell of it. Whoever can change
 * what root runs is root: as root, nobody else may be able to write it, or any folder above it.
 */
export function programProblem(path: string): string | undefined {
  const program = realpathSync(path);
  if (!statSync(program).isFile()) return "it is no file";
  accessSync(program, constants.X_OK);
  return interpreterProblem(program) ?? ownerProblem(program);
}

/** Why no program can run in this directory; undefined when one can. */
export function directoryProblem(path: string): string | undefined {
  try {
    if (!statSync(path).isDirectory()) return "it is no directory";
    accessSync(path, constants.X_OK);
    return undefined;
  } catch (failure) {
    const errno = errnoOf(failure);
    if (errno === undefined) throw failure;
    return errno === "ENOENT" ? "no such directory" : `it may not be entered (${errno})`;
  }
}

// --- internal ---

/** As much as the kernel looks at (`BINPRM_BUF_SIZE`). */
const FIRST_LINE_BYTES = 256;

/** The system says of a program whose interpreter is missing that the program is. */
function interpreterProblem(program: string): string | undefined {
  const [, interpreter] = /^#![ \t]*([^ \t\n\0]+)/.exec(beginningOf(program)) ?? [];
  if (interpreter === undefined || !isAbsolute(interpreter)) return undefined;
  try {
    accessSync(interpreter, constants.X_OK);
    return undefined;
  } catch (failure) {
    const errno = errnoOf(failure);
    if (errno === undefined) throw failure;
    // A line end of DOS is part of the name.
    const name = interpreter.replaceAll(/\p{Cc}/gu, (one) => JSON.stringify(one).slice(1, -1));
    return errno === "ENOENT"
      ? `its interpreter ${name} does not exist`
      : `its interpreter ${name} may not be run (${errno})`;
  }
}

/** Empty for a program that may be run, but not read. */
function beginningOf(program: string): string {
  let file: number | undefined;
  try {
    file = openSync(program, "r");
    const bytes = Buffer.alloc(FIRST_LINE_BYTES);
    return bytes.toString("utf8", 0, readSync(file, bytes));
  } catch (failure) {
    if (errnoOf(failure) === "EACCES") return "";
    throw failure;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function ownerProblem(program: string): string | undefined {
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
