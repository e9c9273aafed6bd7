import type { Connection, ConnectionListener, Ending } from "../connection/connection.ts";
import type { UnderWay } from "../connection/dial.ts";
import type { Deadline, Deadlines } from "../deadlines.ts";
import type { Conclusion } from "../http/judgement.ts";
import type { SpeechReader } from "./expectation.ts";

export interface ConversationOptions {
  /** Empty for nothing. */
  readonly send: Uint8Array;
  /** Reads what is expected. Undefined: nothing is waited for. */
  readonly expects: (() => SpeechReader) | undefined;
  /** Waits for a moment whether the server ends a connection that it has just taken. */
  readonly lingers: boolean;
  readonly hasTls: boolean;
  readonly deadlines: Deadlines;
  readonly timedOut: string;
}

/** What is said over an open connection: something is sent, if there is anything, and something expected. */
export class Conversation implements ConnectionListener, UnderWay {
  readonly #connection: Connection;
  readonly #options: ConversationOptions;
  readonly #tell: (conclusion: Conclusion) => void;
  readonly #reader: SpeechReader | undefined;
  readonly #deadlines: Deadline[] = [];
  #unsent: Uint8Array;
  #isOver = false;

  /** Reports once; the connection is closed then. */
  constructor(connection: Connection, options: ConversationOptions, tell: (conclusion: Conclusion) => void) {
    this.#connection = connection;
    this.#options = options;
    this.#tell = tell;
    this.#unsent = options.send;
    this.#reader = options.expects?.();
  }

  /** Once. May report before it returns. */
  start(withinMs: number): void {
    const { deadlines, lingers, timedOut } = this.#options;
    this.#deadlines.push(deadlines.after(Math.max(0, withinMs), () => this.#fail(this.#overdue(timedOut))));
    if (lingers) {
      // In TLS 1.3 a server refuses our certificate, or the lack of one, after the handshake.
      const roundTripMs = this.#connection.timings.connectMs ?? 0;
      const lingerMs = Math.min(Math.max(LINGER_MS, roundTripMs), Math.max(0, withinMs - 1));
      this.#deadlines.push(deadlines.after(lingerMs, () => this.#stayed()));
    }
    this.#connection.listen(this);
    if (!this.#isOver) this.writable();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#end();
    this.#connection.abort();
  }

  established(): void {
    // It was open before.
  }

  writable(): void {
    if (this.#unsent.length > 0) {
      const written = this.#connection.write(this.#unsent);
      this.#unsent = this.#unsent.subarray(Math.max(0, written));
    }
    if (this.#unsent.length === 0 && this.#reader === undefined && !this.#options.lingers) this.#pass("sent");
  }

  received(bytes: Uint8Array): void {
    if (this.#reader === undefined) {
      // It speaks, so it took us.
      if (this.#options.lingers && this.#unsent.length === 0) this.#stayed();
      return;
    }
    const reading = this.#reader.feed(bytes);
    if (reading === "met") this.#pass(this.#reader.conclusion);
    else if (reading === "missed") this.#fail(this.#reader.describe());
  }

  ended(ending: Ending): void {
    const how = ending.kind === "closed" ? "closed" : ending.reason;
    if (ending.kind === "closed" && this.#reader?.end() === "met") return this.#pass(this.#reader.conclusion);
    if (this.#reader !== undefined) return this.#fail(`${how}; ${this.#reader.describe()}`);
    this.#fail(ending.kind === "closed" ? "closed right after it was connected" : how);
  }

  // --- internal ---

  #overdue(timedOut: string): string {
    return this.#reader === undefined ? timedOut : `${timedOut}; ${this.#reader.describe()}`;
  }

  #stayed(): void {
    if (this.#unsent.length === 0) this.#pass(this.#options.hasTls ? "TLS handshake" : "connected");
  }

  #pass(reason: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#connection.close();
    this.#tell({ passed: true, reason });
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#connection.abort();
    this.#tell({ passed: false, reason });
  }

  #end(): void {
    this.#isOver = true;
    for (const deadline of this.#deadlines) deadline.cancel();
  }
}

// --- internal ---

/** For a refusal after the handshake to arrive, unless the way is longer. */
const LINGER_MS = 50;
