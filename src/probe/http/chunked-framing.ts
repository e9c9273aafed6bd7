import type { BodyFraming, FramingStep } from "./framing.ts";
import { LineReader } from "./line-reader.ts";

/** The chunked transfer coding (RFC 9112, 7.1): extensions and trailers are passed over. */
export class ChunkedFraming implements BodyFraming {
  readonly endsAtClose = false;
  readonly #lines = new LineReader();
  #expects: "size" | "data" | "dataEnd" | "trailer" = "size";
  #dataLeft = 0;

  feed(bytes: Buffer, from: number, to: number): FramingStep {
    let offset = from;
    while (offset < to) {
      if (this.#expects === "data") {
        offset += this.#skipData(to - offset);
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

  #skipData(available: number): number {
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
    // 16 hexadecimal digits are 64 bits: whatever is longer is an attack on somebody's arithmetic.
    const size = /^([0-9a-f]{1,16})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
    if (size === undefined) return { malformed: "bad chunk size" };
    this.#dataLeft = Number.parseInt(size, 16);
    this.#expects = this.#dataLeft === 0 ? "trailer" : "data";
    return "more";
  }
}
