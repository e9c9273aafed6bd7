import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { describeError, errnoOf } from "../domain/errors.ts";
import { readMemberFile } from "./member-file.ts";
import type { Answer, Source, SourceUser } from "./source.ts";

/** Tells when a file changed, as the configuration's are watched. */
export interface PathWatch extends Disposable {
  /** `facts`: what the file system said of it just before it was read. */
  follow(path: string, facts: string): void;
}

export interface FilePorts {
  readonly factsOf: (path: string) => string;
  readonly watch: (changed: () => void) => PathWatch;
}

/** A list of members in a file. */
export class FileSource implements Source {
  readonly #path: string;
  readonly #ports: FilePorts;
  #watch: PathWatch | undefined;
  #hear: ((answer: Answer) => void) | undefined;

  constructor(path: string, ports: FilePorts) {
    this.#path = path;
    this.#ports = ports;
  }

  peek(): Answer {
    return readAll(this.#path);
  }

  start({ hear }: SourceUser): void {
    this.#hear = hear;
    this.#watch = this.#ports.watch(() => this.again());
    this.again();
  }

  again(): void {
    // To be asked before it is read: what is changed meanwhile then shows.
    this.#watch?.follow(this.#path, this.#ports.factsOf(this.#path));
    this.#hear?.(readAll(this.#path));
  }

  [Symbol.dispose](): void {
    this.#hear = undefined;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }
}

// --- internal ---

const LARGEST_BYTES = 8 * 1024 * 1024;

function readAll(path: string): Answer {
  let fd: number;
  try {
    // A pipe is not waited for.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { problem: errnoOf(error) === "ENOENT" ? "no such file" : `it cannot be read: ${describeError(error)}` };
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) return { problem: "it is no regular file" };
    if (found.size > LARGEST_BYTES) return { problem: `it is longer than ${LARGEST_BYTES >> 20} MiB` };
    return readMemberFile(readFileSync(fd, "utf8"));
  } catch (error) {
    return { problem: `it cannot be read: ${describeError(error)}` };
  } finally {
    closeSync(fd);
  }
}
