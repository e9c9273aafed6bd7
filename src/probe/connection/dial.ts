import type { HttpRequestOptions } from "../../config/care-options.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { BegunSocket, Connection, Ending, NewConnection } from "./connection.ts";
import type { Deadlines, Expiring } from "../deadlines.ts";

export interface DialLimits {
  /** For the TCP connection alone. */
  readonly withinMs: number;
  /** What to say when that is over. */
  readonly noAnswer: string;
}

export interface Beside {
  /** It seems to be dead, too: then a little silence is enough. */
  isUnheard(): boolean;
  /** How often a dial without an answer asks for that, and how long it goes on at most once that is so. */
  readonly lookMs: number;
}

export interface DialOptions extends DialLimits {
  readonly target: Endpoint;
  readonly newConnection: NewConnection;
  readonly deadlines: Deadlines;
  /** On their clock: what is to last so long lasts from here on. */
  readonly nowMs: number;
  /** The first of its connections, where that is under way already. */
  readonly begun?: BegunSocket;
  /** Another connection to the server, which may show that it is gone. */
  readonly beside?: Beside;
  /** For all of it, TLS included. */
  readonly remainingMs: number;
  readonly timedOut: string;
}

export type Dialed = Connection | Undialed;

/** `nowMs`: now, where it is known; it is where there is a connection. */
export type TellDialed = (dialed: Dialed, nowMs?: number) => void;

export type Undialed = Ending & { /** There was not even a TCP connection. */ readonly isUnreachable: boolean };

/** Something under way that will report its outcome. */
export interface UnderWay {
  /** Reports nothing any more, and leaves no socket. Idempotent; does nothing when it is over. */
  cancel(): void;
}

/**
 * Connects to a server. While nothing answers, it dials again and again in short order, because the kernel repeats a
 * lost SYN only after a second (RFC 6298, 2). With one packet in ten lost each way, all dials fail once in a
 * hundred thousand times, so packet loss takes no server out. The first answer counts, even a refusal.
 */
export class Dial implements UnderWay, Expiring {
  dueMs = 0;
  position = -1;
  readonly #options: DialOptions;
  readonly #tell: TellDialed;
  readonly #connections: Connection[] = [];
  /** When what it waits for is over, on the clock of its deadlines; for all of them it has one. */
  readonly #unansweredMs: number;
  readonly #lateMs: number;
  #nextMs = NEVER;
  #lookMs = NEVER;
  #silentMs = NEVER;
  #pauseMs: number;
  #isOver = false;

  /** Reports once; the connection is parked then, and the others are gone. */
  constructor(options: DialOptions, tell: TellDialed) {
    const { nowMs, withinMs, remainingMs, beside } = options;
    this.#options = options;
    this.#tell = tell;
    this.#pauseMs = withinMs / (DIALS + 1);
    this.#unansweredMs = nowMs + withinMs;
    this.#lateMs = nowMs + remainingMs;
    if (beside !== undefined) this.#lookMs = nowMs + beside.lookMs;
  }

  /** Once. May report before it returns. */
  start(): void {
    this.#attempt(this.#options.nowMs);
    this.#wait();
  }

  cancel(): void {
    if (!this.#isOver) this.#end(undefined);
  }

  /** There is, or was, a TCP connection. */
  get isReached(): boolean {
    return this.#connections.some((connection) => connection.isReached);
  }

  // --- what its deadline calls ---

  expired(nowMs: number): void {
    const { noAnswer, timedOut, beside } = this.#options;
    // With both at the same length the first one knows more, so it comes first.
    if (this.#unansweredMs <= nowMs && !this.isReached) return this.#settle({ kind: "silent", reason: noAnswer });
    if (this.#lateMs <= nowMs) return this.#settle({ kind: "silent", reason: timedOut });
    if (this.#silentMs <= nowMs && !this.isReached) return this.#settle({ kind: "silent", reason: SILENT });
    if (beside !== undefined && this.#lookMs <= nowMs) this.#look(beside, nowMs);
    if (this.#nextMs <= nowMs) this.#attempt(nowMs);
    this.#wait();
  }

  // --- internal ---

  /** Until the first of them is over: once there is a connection, the time for all of it alone matters. */
  #wait(): void {
    if (this.#isOver) return;
    const { deadlines } = this.#options;
    deadlines.add(
      this,
      this.isReached
        ? this.#lateMs
        : Math.min(this.#unansweredMs, this.#lateMs, this.#nextMs, this.#lookMs, this.#silentMs),
    );
  }

  #attempt(nowMs: number): void {
    this.#nextMs = NEVER;
    if (this.#isOver || this.isReached || this.#connections.length >= DIALS) return;
    const { target, newConnection, begun } = this.#options;
    const connection = newConnection(target, {
      established: (establishedMs) => {
        connection.park();
        this.#settle(connection, establishedMs);
      },
      received: () => undefined,
      writable: () => undefined,
      ended: (ending) => this.#settle(ending),
    });
    this.#connections.push(connection);
    connection.open(nowMs, this.#connections.length === 1 ? begun : undefined);
    if (this.#connections.length < DIALS) this.#nextMs = nowMs + this.#pauseMs;
  }

  /** Time and again, while nothing answers: where another connection is silent as well, the other dials follow at once. */
  #look(beside: Beside, nowMs: number): void {
    const { lookMs } = beside;
    this.#lookMs = NEVER;
    if (this.isReached) return;
    if (!beside.isUnheard()) {
      this.#lookMs = nowMs + lookMs;
      return;
    }
    this.#pauseMs = lookMs / DIALS;
    this.#silentMs = nowMs + lookMs;
    this.#nextMs = nowMs;
  }

  #settle(result: Connection | Ending, nowMs?: number): void {
    if (this.#isOver) return;
    const isUnreachable = !this.isReached;
    this.#end(result);
    this.#tell("kind" in result ? { ...result, isUnreachable } : result, nowMs);
  }

  #end(result: Connection | Ending | undefined): void {
    this.#isOver = true;
    this.#options.deadlines.remove(this);
    for (const connection of this.#connections) if (connection !== result) connection.abort();
  }
}

/** Where a connection was lost or fell silent, there is evidence already: a little silence is enough. */
export function shortLimits({ connectTimeoutMs, sentinelTimeoutMs }: Limits): DialLimits {
  return { withinMs: Math.min(connectTimeoutMs, sentinelTimeoutMs + 100), noAnswer: SILENT };
}

/**
 * Beside a connection that acknowledges nothing: what is left of the time that it may do so. Far away, a dial has the
 * time of several round trips.
 */
export function besideLimits({ connectTimeoutMs, sentinelTimeoutMs }: Limits, roundTripMs: number): DialLimits {
  const leastMs = LEAST_MS + LEAST_ROUND_TRIPS * roundTripMs;
  const withinMs = Math.min(connectTimeoutMs, Math.max(leastMs, sentinelTimeoutMs - LEAST_MS));
  return { withinMs, noAnswer: SILENT };
}

// --- internal ---

type Limits = Pick<HttpRequestOptions, "connectTimeoutMs" | "sentinelTimeoutMs">;

const SILENT = "answers nothing any more";

/** A dial has this long even where nothing is left. */
const LEAST_MS = 50;
const LEAST_ROUND_TRIPS = 8;

const DIALS = 7;

const NEVER = Number.POSITIVE_INFINITY;
