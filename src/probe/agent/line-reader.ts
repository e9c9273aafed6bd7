import type { Reading, SpeechReader } from "../tcp/expectation.ts";

/** A line is never longer. */
const MOST_BYTES = 1024;

/** Reads what a server says to the end of its first line. */
export class LineReader implements SpeechReader {
  #said: Buffer = Buffer.alloc(0);
  #line: string | undefined;

  feed(bytes: Uint8Array): Reading {
    if (this.#line !== undefined) return "met";
    if (this.#said.length >= MOST_BYTES) return "missed";
    this.#said = Buffer.concat([this.#said, bytes.subarray(0, MOST_BYTES - this.#said.length)]);
    const at = this.#said.findIndex((byte) => byte === CR || byte === LF);
    if (at === -1) return this.#said.length < MOST_BYTES ? "more" : "missed";
    this.#line = this.#said.toString("utf8", 0, at);
    return "met";
  }

  end(): "met" | "missed" {
    return this.#line === undefined ? "missed" : "met";
  }

  /** The line itself. */
  get conclusion(): string {
    return this.#line ?? "";
  }

  describe(): string {
    if (this.#said.length === 0) return "it said nothing";
    return this.#said.length < MOST_BYTES ? "its line has no end" : `its line is longer than ${MOST_BYTES} bytes`;
  }
}

// --- internal ---

const CR = 0x0d;
const LF = 0x0a;
