import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { errnoOf } from "../src/domain/errors.ts";

/**
 * Reads a file that only this user may write to: what another one could have written there is none of ours. Undefined
 * where there is no file. Throws, with a message for people, for any that is something else, or larger than `mostBytes`.
 */
export function readOwnFile(path: string, mostBytes: number): string | undefined {
  let fd: number;
  try {
    // A pipe is not waited for, a link is not followed.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw errnoOf(error) === "ELOOP" ? new Error("it is a link") : error;
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw new Error("it is not a regular file");
    if (found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0)
      throw new Error("it is not a file that only this user can write to");
    if (found.size > mostBytes) throw new Error("it is too large");
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}
