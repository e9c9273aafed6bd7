/** Cuts a stream of bytes into lines. One that is too long is given as undefined, and nothing after it. */
export class Lines {
  readonly #hear: (line: string | undefined) => void;
  #pieces: Buffer[] = [];
  #length = 0;
  #isOver = false;

  constructor(hear: (line: string | undefined) => void) {
    this.#hear = hear;
  }

  feed(bytes: Buffer): void {
    let from = 0;
    while (!this.#isOver) {
      const at = bytes.indexOf(LF, from);
      this.#keep(bytes.subarray(from, at === -1 ? bytes.length : at));
      if (at === -1) return;
      const line = Buffer.concat(this.#pieces).toString("utf8").trim();
      this.#pieces = [];
      this.#length = 0;
      if (line !== "") this.#hear(line);
      from = at + 1;
    }
  }

  // --- internal ---

  #keep(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length <= MOST_BYTES) {
      this.#pieces.push(piece);
      return;
    }
    this.#isOver = true;
    this.#pieces = [];
    this.#hear(undefined);
  }
}

// --- internal ---

const LF = 0x0a;
/** A slice has a hundred endpoints by default, and a thousand at most. */
const MOST_BYTES = 4 * 1024 * 1024;
