import { closeSync, openSync, readSync } from "node:fs";
import { errnoOf } from "../../domain/errors.ts";

/**
 * Reads a file of `/proc` that is read again and again, as ASCII: it stays open, so that each time costs two system
 * calls and a few for a long one. Undefined where there is no such file, or it may not be read; the next time it is
 * opened anew.
 */
export function procFile(path: string): () => string | undefined {
  let fd: number | undefined;
  let buffer = Buffer.alloc(FIRST_BYTES);
  return () => {
    try {
      fd ??= openSync(path, "r");
      let length = 0;
      for (;;) {
        const read = readSync(fd, buffer, length, buffer.length - length, length);
        if (read === 0) return buffer.toString("latin1", 0, length);
        length += read;
        if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * length);
      }
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
      return undefined;
    }
  };
}

// --- internal ---

const FIRST_BYTES = 4096;
