import { bodyFraming, type BodyFraming, type FramingStep } from "./body-framing.ts";
import { headLength, mayBecomeHead, readHead, type ResponseHead } from "./response-head.ts";

export interface StreamListener {
  /** Once, before any piece. */
  head(head: ResponseHead): void;
  /** Of the body, as it comes; its bytes are the listener's for good. */
  piece(piece: Buffer): void;
}

/** `done`: the response is over; `broken`: it is none, or it was cut. */
export type StreamState = "more" | "done" | { readonly broken: string };

/** Reads one HTTP/1.x response whose body may go on for hours, and hands it on piece by piece. Never throws, keeps nothing but an unfinished head. */
export class StreamReader {
  readonly #listener: StreamListener;
  #beginning = "";
  #framing: BodyFraming | undefined;
  #state: StreamState = "more";

  constructor(listener: StreamListener) {
    this.#listener = listener;
  }

  /** What this one is after these bytes; once it is over, further bytes change nothing. */
  feed(bytes: Uint8Array): StreamState {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const from = this.#framing === undefined ? this.#feedHead(buffer) : 0;
    if (this.#state === "more" && this.#framing !== undefined)
      this.#settle(this.#framing.feed(buffer, from, buffer.length));
    return this.#state;
  }

  /** What it is when the peer has closed. */
  end(): StreamState {
    if (this.#state !== "more") return this.#state;
    if (this.#framing?.endsAtClose === true) return (this.#state = "done");
    const what = this.#beginning === "" && this.#framing === undefined ? "without an answer" : CUT;
    return (this.#state = { broken: `closed ${what}` });
  }

  // --- internal ---

  /** Returns where the body begins in these bytes. */
  #feedHead(bytes: Buffer): number {
    // One character per byte, so that nothing a server sends can fail to decode.
    let text = this.#beginning + bytes.toString("latin1");
    for (let length = headLength(text, 0); length !== undefined; length = headLength(text, 0)) {
      const head = readHead(text.slice(0, length));
      text = text.slice(length);
      if (head === undefined) break;
      // Interim responses come before the final one.
      if (head.status < 200 && head.status !== 101) continue;
      return this.#take(head, bytes.length - text.length);
    }
    this.#beginning = text;
    if (!mayBecomeHead(text) || text.length > MOST_HEAD) this.#state = { broken: "malformed response" };
    return bytes.length;
  }

  #take(head: ResponseHead, bodyAt: number): number {
    const framing = bodyFraming(head, "GET", (piece) => {
      if (piece.length > 0) this.#listener.piece(piece);
    });
    if ("malformed" in framing) {
      this.#state = { broken: `malformed response: ${framing.malformed}` };
      return bodyAt;
    }
    this.#framing = framing;
    this.#listener.head(head);
    return bodyAt;
  }

  #settle(step: FramingStep): void {
    if (step === "more") return;
    this.#state = typeof step === "object" ? { broken: `malformed response: ${step.malformed}` } : "done";
  }
}

// --- internal ---

const CUT = "before the answer was complete";
const MOST_HEAD = 64 * 1024;
