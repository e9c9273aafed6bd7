import { bodyFraming, type BodyFraming } from "./body-framing.ts";
import { beginsHttp2, fieldsBeside, headLength, mayBecomeHead, readHead, type ResponseHead } from "./response-head.ts";

/** What a probe keeps of a response. */
export interface ProbeResponse {
  readonly status: number;
  readonly location: string | undefined;
  /** Of the final head; by lower-case name. */
  readonly fields: ResponseHead["fields"];
  /** Undefined when nobody asked for it. */
  readonly body: ProbeBody | undefined;
}

export interface ProbeBody {
  readonly bytes: Buffer;
  /** There is more of it, or may be. */
  readonly isCut: boolean;
}

/** What whoever judges an answer looks at besides its status. */
export interface Interest {
  readonly body: boolean;
  /** Finds the fields of the head that are kept. */
  readonly fields: RegExp;
}

/** `fields`: names of header fields, in any case. */
export function interestIn(looks: { readonly body: boolean; readonly fields: readonly string[] }): Interest {
  return { body: looks.body, fields: fieldsBeside(looks.fields) };
}

export const STATUS_ALONE = interestIn({ body: false, fields: [] });

export type Reading =
  | { readonly state: "reading" }
  | {
      readonly state: "complete";
      readonly answer: ProbeResponse;
      /** Both ends agree on where the answer ended, and that the connection goes on. */
      readonly reusable: boolean;
    }
  | { readonly state: "broken"; readonly reason: string };

/** For the heads of one exchange together, interim ones included. */
const HEAD_LIMIT = 64 * 1024;
/** Of the body as sent. The rest of a longer one is not read, and the status counts. */
const BODY_LIMIT = 64 * 1024;

/**
 * Reads one HTTP/1.x response from a server that may send anything. Never throws, keeps at most the head limit in
 * memory, and gives the same result however the bytes are cut. Another protocol shows by its first bytes, a malformed
 * head when it is whole. Interim responses (1xx but 101) are skipped.
 */
export class ResponseReader {
  readonly #method: string;
  readonly #pieces: Buffer[] | undefined;
  readonly #fields: RegExp;
  /** The beginning of a head whose end has not come. */
  #beginning = "";
  #headBytes = 0;
  #bodyBytes = 0;
  #body: Body | undefined;
  #reading: Reading = READING;

  /** The request's method tells whether the response has a body. */
  constructor(method: string, interest: Interest = STATUS_ALONE) {
    this.#method = method;
    this.#pieces = interest.body ? [] : undefined;
    this.#fields = interest.fields;
  }

  /** The state of the reading after these bytes; once it is over, further bytes change nothing. */
  feed(bytes: Uint8Array): Reading {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let offset = 0;
    while (offset < buffer.length && this.#reading.state === "reading") {
      offset = this.#body === undefined ? this.#feedHead(buffer, offset) : this.#feedBody(buffer, offset, this.#body);
    }
    if (offset < buffer.length && this.#reading.state === "complete")
      this.#reading = { ...this.#reading, reusable: false };
    return this.#reading;
  }

  /** The state of the reading when the peer has closed. */
  end(): Reading {
    if (this.#reading.state !== "reading") return this.#reading;
    if (this.#body?.framing.endsAtClose === true) return this.#complete(this.#body, false);
    if (this.#headBytes === 0) return this.#break("closed without an answer");
    const isCut = this.#body !== undefined || mayBecomeHead(this.#beginning);
    return this.#break(isCut ? "closed before the answer was complete" : MALFORMED);
  }

  /** Takes heads up to the final one, within the limit: bytes beyond the limit must not decide anything. */
  #feedHead(bytes: Buffer, offset: number): number {
    const end = Math.min(bytes.length, offset + HEAD_LIMIT - this.#headBytes);
    // One character per byte, so that nothing a server sends can fail to decode.
    let text = this.#beginning + bytes.toString("latin1", offset, end);
    let length = headLength(text, Math.max(0, this.#beginning.length - 2));
    while (length !== undefined && this.#reading.state === "reading") {
      this.#takeHeadText(text.slice(0, length));
      text = text.slice(length);
      length = this.#body === undefined ? headLength(text, 0) : undefined;
    }
    // The rest belongs to the body, once there is one.
    const after = this.#body === undefined ? end : end - text.length;
    this.#headBytes += after - offset;
    if (this.#body !== undefined || this.#reading.state !== "reading") return after;

    this.#beginning = text;
    if (!mayBecomeHead(text)) this.#breakBy(text);
    else if (this.#headBytes >= HEAD_LIMIT) this.#break("response headers too large");
    return after;
  }

  #takeHeadText(text: string): void {
    const head = readHead(text, this.#fields);
    if (head === undefined) this.#break(beginsHttp2(text) === true ? ONLY_HTTP2 : MALFORMED);
    // Interim responses (1xx) come before the final one.
    else if (head.status >= 200 || head.status === 101) this.#takeHead(head);
  }

  /** It is no answer in HTTP/1. It may take some more bytes to tell which other protocol it is. */
  #breakBy(beginning: string): void {
    const isHttp2 = beginsHttp2(beginning);
    if (isHttp2 !== undefined) this.#break(isHttp2 ? ONLY_HTTP2 : MALFORMED);
  }

  #takeHead(head: ResponseHead): void {
    const pieces = this.#pieces;
    const framing = bodyFraming(head, this.#method, pieces && ((piece) => pieces.push(piece)));
    if ("malformed" in framing) {
      this.#break(`malformed response: ${framing.malformed}`);
      return;
    }
    this.#body = { framing, head, keepsAlive: keepsAlive(head, framing) };
    this.#advance(NOTHING, 0, 0, this.#body);
  }

  #feedBody(bytes: Buffer, offset: number, body: Body): number {
    const end = Math.min(bytes.length, offset + BODY_LIMIT - this.#bodyBytes);
    this.#bodyBytes += end - offset;
    this.#advance(bytes, offset, end, body);
    if (this.#bodyBytes >= BODY_LIMIT && this.#reading.state === "reading") this.#complete(body, false, true);
    return end;
  }

  #advance(bytes: Buffer, from: number, to: number, body: Body): void {
    const step = body.framing.feed(bytes, from, to);
    if (step === "done" || step === "surplus") this.#complete(body, step === "done" && body.keepsAlive);
    else if (step !== "more") this.#break(`malformed response: ${step.malformed}`);
  }

  #complete({ head: { status, fields } }: Body, reusable: boolean, isCut = false): Reading {
    const body = this.#pieces && { bytes: Buffer.concat(this.#pieces), isCut };
    const answer = { status, location: fields.get("location")?.[0], fields, body };
    return (this.#reading = { state: "complete", answer, reusable });
  }

  #break(reason: string): Reading {
    return (this.#reading = { state: "broken", reason });
  }
}

// --- internal ---

const MALFORMED = "malformed response";

/** A server that speaks both answers in the protocol of the request. */
const ONLY_HTTP2 = "the server speaks only HTTP/2";

const READING: Reading = { state: "reading" };

const NOTHING = Buffer.alloc(0);

interface Body {
  readonly framing: BodyFraming;
  readonly head: ResponseHead;
  readonly keepsAlive: boolean;
}

/** RFC 9112, 9.3 */
function keepsAlive({ status, isOld, fields }: ResponseHead, framing: BodyFraming): boolean {
  if (status === 101 || isOld || framing.endsAtClose) return false;
  const options = fields.get("connection");
  return options === undefined || !/(^|,)\s*(close|upgrade)\s*(,|$)/i.test(options.join(","));
}
