import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readOwnFile } from "../../native/own-file.ts";
import { makeRuntimeDirectory, openRuntimeDirectory } from "../control/runtime-directory.ts";
import { describeError, errnoOf, LvscareError } from "../domain/errors.ts";

/**
 * A file beside the control sockets: it outlives a daemon, and is gone with the next boot. It is read and written only
 * in a directory that no other user can write to.
 */
export class RuntimeFile {
  readonly path: string;
  readonly #directory: string;
  readonly #name: string;
  readonly #uid = process.getuid?.() ?? 0;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
    this.path = join(directory, name);
  }

  /** Undefined where nothing is written. Throws for a file that is not this user's own, or has more than `mostBytes`. */
  read(mostBytes: number): string | undefined {
    using directory = openRuntimeDirectory(this.#directory, this.#uid);
    if (directory === undefined) return undefined;
    return readOwnFile(directory.at(this.#name), mostBytes);
  }

  /** Whole or not at all; undefined removes it. Throws FILE_FAILED. */
  write(text: string | undefined): void {
    try {
      // The directory may have been made again since the start, or may not exist yet.
      if (text !== undefined) makeRuntimeDirectory(this.#directory, this.#uid);
      using directory = openRuntimeDirectory(this.#directory, this.#uid);
      if (directory === undefined) return;
      const path = directory.at(this.#name);
      if (text === undefined) return rmSync(path, { force: true });
      const draft = `${path}.tmp`;
      rmSync(draft, { force: true });
      writeFileSync(draft, text, { mode: 0o600, flag: "wx" });
      renameSync(draft, path);
    } catch (cause) {
      const errno = errnoOf(cause);
      throw new LvscareError("FILE_FAILED", describeError(cause), {
        operation: `write ${this.path}`,
        ...(errno !== undefined && { errno }),
        cause,
      });
    }
  }
}
