import { readPattern, type PatternSearch } from "../../domain/pattern.ts";
import type { TcpExpectation } from "../../config/probe-kinds/tcp.ts";

export type Reading =
  /** Not all that counts has come yet. */
  | "more"
  | "met"
  /** Whatever comes, it will not be met. */
  | "missed";

/** Reads what a server says until that is enough. */
export interface SpeechReader {
  feed(bytes: Uint8Array): Reading;
  /** Nothing more comes. */
  end(): "met" | "missed";
  /** What there is to say when it is met. */
  readonly conclusion: string;
  /** What it lacks, for people, on one line. */
  describe(): string;
}

/** Reads what a server says until it said what is expected. Of endless speech it keeps no more than counts. */
export class ExpectationReader implements SpeechReader {
  readonly conclusion = "said what is expected";
  /** Empty where a pattern is expected. */
  readonly #wanted: Buffer;
  readonly #search: PatternSearch | undefined;
  readonly #expectation: TcpExpectation;
  #said: Buffer = Buffer.alloc(0);
  #reading: Reading = "more";

  constructor(expectation: TcpExpectation) {
    this.#expectation = expectation;
    this.#wanted = Buffer.from(expectation.match === "regex" ? "" : expectation.hex, "hex");
    this.#search = expectation.match === "regex" ? searchFor(expectation.source) : undefined;
  }

  feed(bytes: Uint8Array): Reading {
    if (this.#reading !== "more") return this.#reading;
    const { match, withinBytes } = this.#expectation;
    const before = this.#said.length;
    this.#said = Buffer.concat([this.#said, bytes.subarray(0, withinBytes - before)]);
    if (match === "regex") this.#reading = this.#matches(before);
    else this.#reading = match === "contains" ? this.#contains(before) : this.#begins();
    return this.#reading;
  }

  /** Nothing more comes: a pattern may wait for just that. */
  end(): "met" | "missed" {
    if (this.#reading === "more") this.#reading = this.#search?.end() === true ? "met" : "missed";
    return this.#reading;
  }

  /** For people, on one line: `expected "+PONG", got "-NOAUTH Authentication required."`. */
  describe(): string {
    const expectation = this.#expectation;
    const { match } = expectation;
    const said = this.#said.length === 0 ? "nothing" : shown(withoutLineEnd(this.#said));
    if (expectation.match === "regex") return `expected something that matches ${expectation.source}, got ${said}`;
    const what = `${match === "starts-with" ? "something that begins with " : ""}${shown(this.#wanted)}`;
    return `expected ${what}, got ${said}`;
  }

  // --- internal ---

  #contains(before: number): Reading {
    // What is wanted may have begun in what came before.
    const from = Math.max(0, before - this.#wanted.length + 1);
    if (this.#said.includes(this.#wanted, from)) return "met";
    return this.#said.length >= this.#expectation.withinBytes ? "missed" : "more";
  }

  #matches(before: number): Reading {
    if (this.#search?.feed(this.#said.toString("latin1", before)) === true) return "met";
    return this.#said.length >= this.#expectation.withinBytes ? "missed" : "more";
  }

  #begins(): Reading {
    const length = Math.min(this.#said.length, this.#wanted.length);
    if (!this.#said.subarray(0, length).equals(this.#wanted.subarray(0, length))) return "missed";
    return length === this.#wanted.length ? "met" : "more";
  }
}

// --- internal ---

/** The configuration has refused those that cannot be read. */
function searchFor(source: string): PatternSearch {
  const pattern = readPattern(source);
  if ("problem" in pattern) throw new Error(`pattern ${source}: ${pattern.problem}`);
  return pattern.search();
}

const MOST_SHOWN = 60;

/** Printable characters as they are, no others: what a server says may hold what a terminal obeys. */
function shown(bytes: Buffer): string {
  const text = bytes.subarray(0, MOST_SHOWN).toString("latin1");
  const plain = text.replaceAll(/[^\x20-\x7e]/g, (char) => ESCAPES.get(char) ?? escape(char));
  return `"${plain}${bytes.length > MOST_SHOWN ? "…" : ""}"`;
}

function escape(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function withoutLineEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 1 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  return bytes.subarray(0, end);
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\r", "\\r"],
  ["\n", "\\n"],
  ["\t", "\\t"],
]);
