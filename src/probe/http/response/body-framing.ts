import type { ResponseHead } from "./response-head.ts";

/** `surplus`: done, and there were bytes that do not belong to it. */
export type FramingStep = "more" | "done" | "surplus" | { readonly malformed: string };

/** Gets what belongs to a body, piece by piece; the bytes are the caller's for good. */
export type TakePiece = (piece: Buffer) => void;

/** Finds where a body ends, without keeping any of it. */
export interface BodyFraming {
  /** Takes the bytes from `from` to before `to`, which may be none. */
  feed(bytes: Buffer, from: number, to: number): FramingStep;
  /** Whether the peer may close here. */
  readonly endsAtClose: boolean;
}

/** How the body of this response is delimited (RFC 9112, 6.3), or why that cannot be told. */
export function bodyFraming(
  head: ResponseHead,
  method: string,
  take?: TakePiece,
): BodyFraming | { readonly malformed: string } {
  // 101 hands the connection to another protocol: for us the answer is over.
  if (method === "HEAD" || head.status < 200 || head.status === 204 || head.status === 304)
    return new LengthFraming(0, take);

  const codings = tokens(head, "transfer-encoding");
  // A transfer coding overrides a length; one that does not end in chunked is delimited by the connection's end.
  if (codings.length > 0)
    return codings.at(-1)?.toLowerCase() === "chunked" ? new ChunkedFraming(take) : untilClose(take);

  const lengths = tokens(head, "content-length");
  const length = lengths[0];
  if (length === undefined) return untilClose(take);
  if (!/^\d+$/.test(length) || !areSame(lengths)) return { malformed: "bad content length" };
  return new LengthFraming(Number(length), take);
}

// --- internal ---

const UNTIL_CLOSE: BodyFraming = { feed: () => "more", endsAtClose: true };

function untilClose(take: TakePiece | undefined): BodyFraming {
  if (take === undefined) return UNTIL_CLOSE;
  return {
    feed(bytes, from, to) {
      take(Buffer.from(bytes.subarray(from, to)));
      return "more";
    },
    endsAtClose: true,
  };
}

class LengthFraming implements BodyFraming {
  readonly endsAtClose = false;
  readonly #take: TakePiece | undefined;
  #left: number;

  constructor(length: number, take: TakePiece | undefined) {
    this.#left = length;
    this.#take = take;
  }

  feed(bytes: Buffer, from: number, to: number): FramingStep {
    this.#take?.(Buffer.from(bytes.subarray(from, from + Math.min(to - from, this.#left))));
    this.#left -= to - from;
    if (this.#left < 0) return "surplus";
    return this.#left === 0 ? "done" : "more";
  }
}

const NONE: readonly string[] = [];

function tokens(head: ResponseHead, name: string): readonly string[] {
  const values = head.fields.get(name);
  if (values === undefined) return NONE;
  // Nearly always: one field with one value, which is trimmed already.
  if (values.length === 1 && values[0]?.includes(",") === false) return values;
  return values
    .join(",")
    .split(",")
    .map((part) => part.trim());
}

function areSame(values: readonly string[]): boolean {
  return values.length === 1 || values.every((value) => value === values[0]);
}

/** The chunked transfer coding (RFC 9112, 7.1): extensions and trailers are passed over. */
class ChunkedFraming implements BodyFraming {
  readonly endsAtClose = false;
  readonly #lines = new LineReader();
  #expects: "size" | "data" | "dataEnd" | "trailer" = "size";
  #dataLeft = 0;
  readonly #take: TakePiece | undefined;

  constructor(take: TakePiece | undefined) {
    this.#take = take;
  }

  feed(bytes: Buffer, from: number, to: number): FramingStep {
    let offset = from;
    while (offset < to) {
      if (this.#expects === "data") {
        const taken = this.#passData(to - offset);
        this.#take?.(Buffer.from(bytes.subarray(offset, offset + taken)));
        offset += taken;
        continue;
      }
      const line = this.#lines.next(bytes, offset, to);
      if (line === undefined) return "more";
      offset = this.#lines.after;
      const step = this.#takeLine(line);
      if (step === "done" && offset < to) return "surplus";
      if (step !== "more") return step;
    }
    return "more";
  }

  #passData(available: number): number {
    const taken = Math.min(available, this.#dataLeft);
    this.#dataLeft -= taken;
    if (this.#dataLeft === 0) this.#expects = "dataEnd";
    return taken;
  }

  #takeLine(line: string): FramingStep {
    if (this.#expects === "trailer") return line === "" ? "done" : "more";
    if (this.#expects === "dataEnd") {
      this.#expects = "size";
      return line === "" ? "more" : { malformed: "bad chunk end" };
    }
    // 16 hexadecimal digits are 64 bits: anything longer is an attack on the parser's arithmetic.
    const size = /^([0-9a-f]{1,16})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
    if (size === undefined) return { malformed: "bad chunk size" };
    this.#dataLeft = Number.parseInt(size, 16);
    this.#expects = this.#dataLeft === 0 ? "trailer" : "data";
    return "more";
  }
}

const LF = 0x0a;

/**
 * Cuts a stream of bytes into lines, in whatever pieces it comes. A line ends at LF, and a CR before it belongs to
 * the ending (RFC 9112, 2.2). Keeps an unfinished line: the caller limits how much it feeds.
 */
class LineReader {
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
