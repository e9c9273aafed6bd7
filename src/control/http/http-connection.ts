import type { Socket } from "bun";
import { readHead, type BadHead, type RequestHead } from "./request-head.ts";
import { responseHead } from "./response-head.ts";

export type RequestHandler = (request: Request) => Promise<Response>;

/**
 * One client: its requests are answered one after the other. Request bodies are not read; after a request with a
 * body, the connection ends.
 */
export class HttpConnection {
  readonly #socket: Socket<HttpConnection>;
  readonly #answer: RequestHandler;
  readonly #left: () => void;
  readonly #now: () => number;
  #input = "";
  #output: Uint8Array[] = [];
  /** Waits for all of the output to be taken. */
  #whenTaken: (() => void) | undefined;
  #request: AbortController | undefined;
  /** Nothing more is read but the end. */
  #isLeaving = false;
  #isGone = false;
  /** The other side has sent FIN. */
  #endedAtMs: number | undefined;
  /** Since then nothing happened that we wait for: a whole request, or that output is taken. */
  #sinceMs: number;

  constructor(socket: Socket<HttpConnection>, answer: RequestHandler, now: () => number, left: () => void) {
    this.#socket = socket;
    this.#answer = answer;
    this.#now = now;
    this.#left = left;
    this.#sinceMs = now();
  }

  /** Waiting for a request since then; undefined while one is answered. */
  get idleSinceMs(): number | undefined {
    return this.#request === undefined ? this.#sinceMs : undefined;
  }

  received(chunk: Uint8Array): void {
    if (this.#isLeaving) return;
    this.#input += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    this.#next();
    // What follows a request under way may be further requests, but it must not grow without limit.
    if (this.#input.length <= LARGEST_HEAD) return;
    if (this.#request === undefined) this.#refuse(431);
    else this.end();
  }

  writable(): void {
    for (let chunk = this.#output[0]; chunk !== undefined; chunk = this.#output[0]) {
      const taken = Math.max(0, this.#socket.write(chunk, 0, chunk.length));
      if (taken > 0) this.#sinceMs = this.#now();
      if (taken < chunk.length) {
        this.#output[0] = chunk.subarray(taken);
        return;
      }
      this.#output.shift();
    }
    this.#whenTaken?.();
    this.#whenTaken = undefined;
  }

  /**
   * A client that half-closes still wants an answer, but one that leaves looks the same: soon it is taken for the
   * second.
   */
  ended(): void {
    this.#endedAtMs = this.#now();
    if (this.#request === undefined) this.#socket.end();
  }

  closed(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#request?.abort();
    this.#output = [];
    this.#whenTaken?.();
    this.#left();
  }

  /** Ends it when it takes too long over something. */
  look(nowMs: number, idleMs: number): void {
    const isWaiting = this.#request === undefined || this.#output.length > 0;
    if (isWaiting && nowMs - this.#sinceMs >= idleMs) this.end();
    else if (this.#endedAtMs !== undefined && nowMs - this.#endedAtMs >= HALF_CLOSED_MS) this.end();
  }

  /** Immediately. */
  end(): void {
    this.#socket.terminate();
  }

  // --- internal ---

  #next(): void {
    if (this.#request !== undefined || this.#isLeaving) return;
    // An empty line before a request is ignored (RFC 9112, 2.2).
    this.#input = this.#input.replace(/^(?:\r\n)+/, "");
    const end = this.#input.indexOf("\r\n\r\n");
    if (end < 0 || end > LARGEST_HEAD) return;
    const head = readHead(this.#input.slice(0, end));
    this.#input = this.#input.slice(end + 4);
    if (typeof head === "number") return this.#refuse(head);
    const request = new AbortController();
    this.#request = request;
    // An answer that breaks off cannot be taken back.
    this.#respond(head, request.signal).catch(() => this.end());
  }

  async #respond(head: RequestHead, signal: AbortSignal): Promise<void> {
    const request = requestOf(head, signal);
    const response =
      request === undefined
        ? new Response("this request cannot be read\n", { status: 400 })
        : await this.#answer(request);
    const { keepsAlive, hasBody, isOld } = head;
    const isLast = !keepsAlive || hasBody || request === undefined;
    const isStream = response.headers.get("content-type") === "text/event-stream";
    if (isStream && response.body !== null) return this.#stream(response, response.body, isOld, signal);
    return this.#send(response, { isHead: head.method === "HEAD", isLast });
  }

  async #stream(
    response: Response,
    body: ReadableStream<Uint8Array>,
    isOld: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const reader = body.getReader();
    signal.addEventListener("abort", () => void reader.cancel(), { once: true });
    try {
      await this.#write(responseHead(response, { length: isOld ? "until the end" : "in chunks", isLast: isOld }));
      while (!this.#isGone) {
        const { done, value } = await reader.read();
        if (done) break;
        await this.#write(isOld ? value : chunkOf(value));
      }
      if (!isOld) await this.#write(LAST_CHUNK);
    } finally {
      await reader.cancel();
    }
    this.#finish(true);
  }

  #finish(isLast: boolean): void {
    if (this.#isGone) return;
    this.#request = undefined;
    this.#sinceMs = this.#now();
    if (!isLast && this.#endedAtMs === undefined) return this.#next();
    this.#isLeaving = true;
    // Closed properly, so that the last bytes arrive. A client that does not close in turn is ended at the next look.
    if (this.#endedAtMs === undefined) this.#socket.shutdown();
    else this.#socket.end();
  }

  #refuse(status: BadHead | 431): void {
    const response = new Response("this request cannot be read\n", {
      status,
      headers: { "content-type": "text/plain" },
    });
    this.#request = new AbortController();
    this.#input = "";
    this.#send(response, { isHead: false, isLast: true }).catch(() => this.end());
  }

  async #send(
    response: Response,
    { isHead, isLast }: { readonly isHead: boolean; readonly isLast: boolean },
  ): Promise<void> {
    const body = new Uint8Array(await response.arrayBuffer());
    const text = responseHead(response, { length: body.length, isLast });
    await this.#write(isHead ? text : Buffer.concat([text, body]));
    this.#finish(isLast);
  }

  /** Until it is taken, or the client is gone. */
  #write(bytes: Uint8Array): Promise<void> {
    if (this.#isGone) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#output.push(bytes);
    this.#sinceMs = this.#now();
    this.#whenTaken = resolve;
    this.writable();
    return promise;
  }
}

// --- internal ---

/** Of all that may be asked here, the longest is a few hundred bytes; a browser adds a few thousand. */
const LARGEST_HEAD = 16 * 1024;

const HALF_CLOSED_MS = 1000;

const LAST_CHUNK = Buffer.from("0\r\n\r\n");

function requestOf({ method, target, fields }: RequestHead, signal: AbortSignal): Request | undefined {
  try {
    return new Request(`http://localhost${target === "*" ? "/" : target}`, {
      method,
      headers: new Headers(fields.map(([name, value]) => [name, value])),
      signal,
    });
  } catch {
    // The runtime's own rules for methods and fields are stricter in places.
    return undefined;
  }
}

function chunkOf(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}
