import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { Deadline, Deadlines } from "../../probe/deadlines.ts";
import type { Connection, ConnectionListener, Ending, NewConnection } from "../../probe/connection/connection.ts";
import { Dial } from "../../probe/connection/dial.ts";
import { StreamReader, type StreamState } from "../../probe/http/response/stream-reader.ts";
import { retryAfterIn } from "../../probe/http/retry-after.ts";
import type { ApiFailure, ApiReply, WatchListener } from "./api.ts";
import { Lines } from "./lines.ts";

export interface ApiCallOptions {
  /** Asked in turn, until one answers. */
  readonly servers: readonly Endpoint[];
  readonly request: Uint8Array;
  readonly newConnection: NewConnection;
  readonly deadlines: Deadlines;
  /** For all of the answer. */
  readonly timeoutMs: number;
  /** Of a watch: hears an answer of status 200 as it comes. */
  readonly listener: WatchListener | undefined;
}

/** One request, to the first of several servers that answers it. */
export class ApiCall implements ConnectionListener {
  readonly outcome: Promise<ApiReply | ApiFailure>;
  readonly #options: ApiCallOptions;
  readonly #settled = Promise.withResolvers<ApiReply | ApiFailure>();
  readonly #problems: string[] = [];
  #next = 0;
  #dial: Dial | undefined;
  #connection: Connection | undefined;
  #reader = this.#newReader();
  #unsent: Uint8Array = NOTHING;
  #deadline: Deadline | undefined;
  #status: number | undefined;
  #retryAfterMs: number | undefined;
  #pieces: Buffer[] = [];
  #length = 0;
  #lines: Lines | undefined;
  #isOver = false;

  constructor(options: ApiCallOptions) {
    this.#options = options;
    this.outcome = this.#settled.promise;
  }

  start(): void {
    this.#tryNext();
  }

  close(): void {
    this.#settle({ failed: "called off" });
  }

  // --- what the connection tells ---

  established(): void {
    // It was open before.
  }

  writable(): void {
    const written = this.#connection?.write(this.#unsent) ?? 0;
    if (written > 0) this.#unsent = this.#unsent.subarray(written);
  }

  received(bytes: Uint8Array): void {
    this.#judge(this.#reader.feed(bytes));
  }

  ended(ending: Ending): void {
    if (ending.kind === "closed") this.#judge(this.#reader.end());
    else this.#lose(ending.reason);
  }

  // --- internal ---

  #tryNext(): void {
    const { servers, newConnection, deadlines } = this.#options;
    const target = servers[this.#next++];
    if (target === undefined || this.#next > MOST_TRIES) {
      const problems = this.#problems.slice(0, MOST_TOLD).join("; ");
      return this.#settle({ failed: problems === "" ? "no API server is known" : problems });
    }
    this.#dial = new Dial({ target, newConnection, deadlines, nowMs: deadlines.now(), ...DIALLING }, (dialed) => {
      this.#dial = undefined;
      if ("kind" in dialed) this.#lose(dialed.kind === "closed" ? "closed without an answer" : dialed.reason);
      else this.#send(dialed);
    });
    this.#dial.start();
  }

  #send(connection: Connection): void {
    this.#connection = connection;
    this.#reader = this.#newReader();
    this.#unsent = this.#options.request;
    this.#deadline = this.#options.deadlines.after(HEAD_MS, () => this.#lose("no answer"));
    connection.watchSilence(SILENCE_MS);
    connection.listen(this);
    if (this.#connection === connection) this.writable();
  }

  #newReader(): StreamReader {
    return new StreamReader({
      head: ({ status, fields }) => {
        const { deadlines, listener, timeoutMs } = this.#options;
        this.#status = status;
        this.#retryAfterMs = retryAfterIn(fields.get("retry-after")?.[0]);
        this.#deadline?.cancel();
        this.#deadline = deadlines.after(timeoutMs, () => this.#lose("the answer did not end in its time"));
        if (listener === undefined || status !== 200) return;
        this.#lines = new Lines((line) => {
          if (line === undefined) this.#lose("a line of the answer is too long");
          else if (!this.#isOver) listener.line(line);
        });
        listener.began();
      },
      piece: (piece) => {
        if (this.#lines !== undefined) return this.#lines.feed(piece);
        this.#length += piece.length;
        if (this.#length > MOST_BYTES) this.#lose("the answer is too long");
        else this.#pieces.push(piece);
      },
    });
  }

  #judge(state: StreamState): void {
    if (state === "more" || this.#isOver) return;
    if (state !== "done") return this.#lose(state.broken);
    const body = Buffer.concat(this.#pieces).toString("utf8");
    this.#settle({ status: this.#status ?? 0, body, retryAfterMs: this.#retryAfterMs });
  }

  /** Before anything of an answer came, another server may have one. */
  #lose(reason: string): void {
    if (this.#isOver) return;
    const target = this.#options.servers[this.#next - 1];
    const problem = `${target === undefined ? "" : `${formatEndpoint(target)}: `}${reason}`;
    this.#deadline?.cancel();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.abort();
    if (this.#status !== undefined) return this.#settle({ failed: problem });
    this.#problems.push(problem);
    this.#tryNext();
  }

  #settle(outcome: ApiReply | ApiFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deadline?.cancel();
    this.#dial?.cancel();
    if ("failed" in outcome) this.#connection?.abort();
    else this.#connection?.close();
    this.#settled.resolve(outcome);
  }
}

// --- internal ---

const NOTHING = new Uint8Array();

/** Of so many servers one answers, or none. */
const MOST_TRIES = 8;
const MOST_TOLD = 3;
/** As long as a connection attempt of a check. */
const DIALLING = {
  withinMs: 3000,
  noAnswer: "connect timed out after 3s",
  remainingMs: 6000,
  timedOut: "timed out after 6s",
};
/** While etcd hangs, a list that has to ask it never begins. */
const HEAD_MS = 10_000;
/** A peer that acknowledges nothing for so long is gone. */
const SILENCE_MS = 20_000;
/** Five hundred slices of a hundred endpoints are less. */
const MOST_BYTES = 16 * 1024 * 1024;
