export interface Message {
  readonly kind: string;
  readonly data: unknown;
  readonly id?: string;
}

/** Reads server-sent events, one at a time, and never further than it is asked to. */
export class SseReader {
  readonly #reader;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next message, or the next of one kind; undefined at the end. */
  async next(kind?: string): Promise<Message | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end === -1) {
        const { done, value } = await this.#reader.read();
        if (done) return undefined;
        this.#text += this.#decoder.decode(value, { stream: true });
        continue;
      }
      const message = parse(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 2);
      if (kind === undefined || message.kind === kind) return message;
    }
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

// --- internal ---

function parse(block: string): Message {
  const fields = new Map(
    block.split("\n").map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
  );
  const id = fields.get("id");
  return {
    kind: fields.get("event") ?? "",
    data: JSON.parse(fields.get("data") ?? "null"),
    ...(id !== undefined && { id }),
  };
}
