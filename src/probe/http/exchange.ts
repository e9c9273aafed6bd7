import type { Clock } from "../clock.ts";
import type { Deadlines, Expiring } from "../deadlines.ts";
import type { UnderWay } from "../connection/dial.ts";
import { ResponseReader, type Interest, type ProbeResponse, type Reading } from "./response/response-reader.ts";
import type { Ending, Connection, ConnectionListener } from "../connection/connection.ts";

export interface ExchangeOptions {
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly overdue: { /** What to say when its time is over. */ readonly timedOut: string };
  readonly interest: Interest;
}

export interface ExchangeListener {
  /** Once; by then the connection is closed unless the outcome says `reusable`. */
  exchanged(outcome: Outcome, connection: Connection): void;
  /** At most once, before that: half of its time is over, and nothing came back. */
  lingers(connection: Connection): void;
  /**
   * At most once, before that: in the time of several round trips as they were on this connection, the peer's kernel
   * has not even acknowledged the request. One lost packet is enough for it.
   */
  unacknowledged(connection: Connection, roundTripMs: number): void;
}

export type Outcome = {
  /** Milliseconds from the request to the first byte that came back; undefined when none did. */
  readonly firstByteMs: number | undefined;
} & (
  | {
      readonly answer: ProbeResponse;
      /** The connection is open and parked, and can take another request; otherwise it is gone. */
      readonly reusable: boolean;
    }
  | {
      readonly failed: string;
      /** The connection ended before anything of an answer came, and how. */
      readonly lost?: Ending["kind"];
    }
);

/** One request and its answer over an open connection. */
export class Exchange implements ConnectionListener, UnderWay, Expiring {
  dueMs = 0;
  position = -1;
  readonly #connection: Connection;
  readonly #options: ExchangeOptions;
  readonly #listener: ExchangeListener;
  readonly #reader: ResponseReader;
  #unsent: Uint8Array | undefined;
  #startedAtMs = 0;
  #withinMs = 0;
  /** What the deadline is for that it waits for. */
  #until: Until = "half";
  #firstByteMs: number | undefined;
  #isOver = false;

  constructor(
    connection: Connection,
    method: string,
    request: Uint8Array,
    options: ExchangeOptions,
    listener: ExchangeListener,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#listener = listener;
    this.#reader = new ResponseReader(method, options.interest);
    this.#unsent = request;
  }

  /** Once. May report before it returns. `isKept`: the connection has stood, so that its round trip is known. */
  start(nowMs: number, withinMs: number, isKept = false): void {
    this.#startedAtMs = nowMs;
    this.#withinMs = withinMs;
    if (isKept && SLACK_MS < withinMs / 2) this.#wait("acknowledged", SLACK_MS);
    else this.#wait("half", withinMs / 2);
    // What a server said unasked comes first, and may be the end of it.
    this.#connection.listen(this);
    if (!this.#isOver) this.writable();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#end();
    this.#connection.abort();
  }

  expired(): void {
    switch (this.#until) {
      case "acknowledged":
        return this.#judgeAcknowledgement();
      case "half":
        this.#wait("end", this.#withinMs);
        if (this.#firstByteMs === undefined) this.#listener.lingers(this.#connection);
        return;
      case "end":
        this.#fail(this.#options.overdue.timedOut);
    }
  }

  established(): void {
    // It was open before.
  }

  writable(): void {
    if (this.#unsent === undefined) return;
    const written = this.#connection.write(this.#unsent);
    if (written >= this.#unsent.length) this.#unsent = undefined;
    else if (written > 0) this.#unsent = this.#unsent.subarray(written);
  }

  received(bytes: Uint8Array): void {
    this.#firstByteMs ??= this.#options.clock.now() - this.#startedAtMs;
    this.#settle(this.#reader.feed(bytes));
  }

  ended(ending: Ending): void {
    const lost = this.#firstByteMs === undefined ? ending.kind : undefined;
    if (ending.kind !== "closed") return this.#fail(ending.reason, lost);
    const reading = this.#reader.end();
    if (reading.state === "broken")
      this.#fail(lost === undefined ? reading.reason : this.#unanswered(reading.reason), lost);
    else this.#settle(reading);
  }

  // --- internal ---

  /** `afterMs`: from its start on. */
  #wait(until: Until, afterMs: number): void {
    this.#until = until;
    this.#options.deadlines.add(this, this.#startedAtMs + afterMs);
  }

  #judgeAcknowledgement(): void {
    const halfMs = this.#withinMs / 2;
    const seen = this.#firstByteMs === undefined ? this.#connection.acknowledgement() : undefined;
    if (seen?.isOutstanding !== true) return this.#wait("half", halfMs);
    const limitMs = SLACK_MS + ROUND_TRIPS * seen.roundTripMs;
    // Timers ring for whole milliseconds.
    const isLate = this.#options.clock.now() + 1 >= this.#startedAtMs + limitMs;
    if (!isLate && limitMs < halfMs) return this.#wait("acknowledged", limitMs);
    this.#wait("half", halfMs);
    if (isLate) this.#listener.unacknowledged(this.#connection, seen.roundTripMs);
  }

  /** A server of HTTP/2 only may leave without a word, when it was offered nothing that it speaks. */
  #unanswered(reason: string): string {
    return this.#connection.agreedOnNothing
      ? `${reason}, and without a word for HTTP/1.1 (ALPN): perhaps it speaks only HTTP/2`
      : reason;
  }

  #settle(reading: Reading): void {
    if (reading.state === "broken") return this.#fail(reading.reason);
    if (reading.state !== "complete" || this.#isOver) return;
    this.#end();
    const reusable = reading.reusable && this.#unsent === undefined && this.#connection.isOpen;
    if (reusable) this.#connection.park();
    else this.#connection.close();
    this.#listener.exchanged({ answer: reading.answer, reusable, firstByteMs: this.#firstByteMs }, this.#connection);
  }

  #fail(reason: string, lost?: Ending["kind"]): void {
    if (this.#isOver) return;
    this.#end();
    this.#connection.abort();
    const failed = { failed: reason, firstByteMs: this.#firstByteMs };
    this.#listener.exchanged(lost === undefined ? failed : { ...failed, lost }, this.#connection);
  }

  #end(): void {
    this.#isOver = true;
    this.#options.deadlines.remove(this);
  }
}

// --- internal ---

type Until = "acknowledged" | "half" | "end";

/**
 * How long an acknowledgement may take beyond the round trips: a kernel that is not busy sends it at once after a
 * pause, and 40 ms later in the midst of a conversation (TCP_DELACK_MIN).
 */
const SLACK_MS = 50;

const ROUND_TRIPS = 4;
