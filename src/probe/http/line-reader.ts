const LF = 0x0a;

/**
 * Cuts a stream of bytes into lines, whatever pieces it comes in. A line ends at LF, and a CR before it belongs to the ending
 * (RFC 9112, 2.2). Keeps what has no ending yet: the caller bounds how much it feeds.
 */
export class LineReader {
  #pending = "";

  /** What stands of a line whose ending has not come. */
  get pending(): string {
    return this.#pending;
  }

  /** The next line and where the bytes after it begin; undefined when all of `bytes` is taken and no line ended. */
  next(bytes: Uint8Array, from: number): { readonly line: string; readonly after: number } | undefined {
    const end = bytes.indexOf(LF, from);
    this.#pending += latin1(bytes, from, end === -1 ? bytes.length : end);
    if (end === -1) return undefined;
    const line = this.#pending.endsWith("\r") ? this.#pending.slice(0, -1) : this.#pending;
    this.#pending = "";
    return { line, after: end + 1 };
  }
}

// --- internal ---

/** One character per byte, so that nothing a server sends can fail to decode. */
function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}
