import { readFileSync, statSync } from "node:fs";

/** A small file that is read again when it, or what its link leads to, is another one than before. */
export class WatchedFile {
  readonly path: string;
  #seen: string | undefined;
  #text = "";

  constructor(path: string) {
    this.path = path;
  }

  /** What it says now. Throws what the system says when it cannot be read. */
  read(): string {
    const { ino, size, mtimeMs, ctimeMs } = statSync(this.path);
    // A link that is set anew leads to another inode; one written in place changes its time.
    const seen = `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    if (seen !== this.#seen) {
      if (size > MOST_BYTES) throw new Error(`${this.path} is longer than ${MOST_BYTES >> 10} KiB`);
      this.#text = readFileSync(this.path, "utf8");
      this.#seen = seen;
    }
    return this.#text;
  }
}

// --- internal ---

/** All authorities of a distribution are a quarter of it. */
const MOST_BYTES = 1 << 20;
