import { readFileSync } from "node:fs";
import { errnoOf } from "../../domain/errors.ts";

/** The text of a file; undefined when there is none. Throws when it may not be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR" || errno === "ESRCH") return undefined;
    throw error;
  }
}
