const LF = 0x0a;

/**
 * Cuts a stream of bytes into lines, whatever pieces it comes in. A line ends at LF, and a CR before it belongs to the ending
 * (RFC 9112, 2.2). Keeps what has no ending yet: the caller bounds how much it feeds.
 */
export class LineReader {
  #pending = "";
  #after = 0;

  /** Where the bytes after the last line begin. */
  get after(): number {
    return this.#after;
  }

  /** The next line of the bytes from `from` to before `to`; undefined when all of them are taken and no line ended. */
  next(bytes: Buffer, from: number, to: number): string | undefined {
    const found = bytes.indexOf(LF, from);
    const end = found === -1 || found >= to ? to : found;
    // One character per byte, so that nothing a server sends can fail to decode.
    const text = bytes.toString("latin1", from, end);
    const line = this.#pending === "" ? text : this.#pending + text;
    this.#pending = end === to ? line : "";
    this.#after = end === to ? to : end + 1;
    if (end === to) return undefined;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}
