import { ChunkedFraming } from "./chunked-framing.ts";
import type { BodyFraming, FramingStep } from "./framing.ts";
import type { ResponseHead } from "./response-head.ts";

/** How the body of this response is delimited (RFC 9112, 6.3), or why that cannot be told. */
export function bodyFraming(head: ResponseHead, method: string): BodyFraming | { readonly malformed: string } {
  // 101 hands the connection to another protocol: for us the answer is over.
  if (method === "HEAD" || head.status < 200 || head.status === 204 || head.status === 304) return new LengthFraming(0);

  const codings = tokens(head, "transfer-encoding");
  // A transfer coding overrides a length; one that does not end in chunked is delimited by the connection's end.
  if (codings.length > 0) return codings.at(-1)?.toLowerCase() === "chunked" ? new ChunkedFraming() : UNTIL_CLOSE;

  const lengths = tokens(head, "content-length");
  const length = lengths[0];
  if (length === undefined) return UNTIL_CLOSE;
  if (!/^\d+$/.test(length) || !areSame(lengths)) return { malformed: "bad content length" };
  return new LengthFraming(Number(length));
}

// --- internal ---

const UNTIL_CLOSE: BodyFraming = { feed: () => "more", endsAtClose: true };

class LengthFraming implements BodyFraming {
  readonly endsAtClose = false;
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  feed(_: Buffer, from: number, to: number): FramingStep {
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
