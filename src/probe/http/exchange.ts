import type { Deadline, Deadlines } from "./deadlines.ts";
import type { UnderWay } from "./dial.ts";
import { ResponseReader, type Answer, type Reading } from "./response-reader.ts";
import type { Ending, Wire, WireListener } from "./wire.ts";

export interface ExchangeOptions {
  readonly method: string;
  readonly request: Uint8Array;
  readonly deadlines: Deadlines;
  readonly remainingMs: number;
  readonly now: () => number;
  /** Of that clock, when it begins. */
  readonly startedAtMs: number;
  /** What to say when that is over. */
  readonly timedOut: string;
}

export type Outcome = {
  /** Milliseconds from the request to the first byte that came back; undefined when none did. */
  readonly firstByteMs: number | undefined;
} & (
  | {
      readonly answer: Answer;
      /** The connection stands, parked, and can take another request; otherwise it is gone. */
      readonly reusable: boolean;
    }
  | {
      readonly failed: string;
      /** The connection ended before anything of an answer came, and how. */
      readonly lost?: Ending["kind"];
    }
);

/** One request and its answer over a wire that stands. */
export class Exchange implements WireListener, UnderWay {
  readonly #wire: Wire;
  readonly #tell: (outcome: Outcome) => void;
  readonly #reader: ResponseReader;
  readonly #deadline: Deadline;
  #unsent: Uint8Array | undefined;
  readonly #now: () => number;
  readonly #startedAtMs: number;
  #firstByteMs: number | undefined;
  #isOver = false;

  /** Tells once; by then the wire is closed unless the outcome says `reusable`. */
  constructor(wire: Wire, options: ExchangeOptions, tell: (outcome: Outcome) => void) {
    this.#wire = wire;
    this.#tell = tell;
    this.#now = options.now;
    this.#startedAtMs = options.startedAtMs;
    this.#reader = new ResponseReader(options.method);
    this.#unsent = options.request;
    const { timedOut } = options;
    this.#deadline = options.deadlines.after(options.remainingMs, () => this.#fail(timedOut));
  }

  /** Once. May tell before it returns. */
  start(): void {
    // What a server said unasked comes first, and may be the end of it.
    this.#wire.listen(this);
    if (!this.#isOver) this.writable();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#end();
    this.#wire.close();
  }

  established(): void {
    // It stood before.
  }

  writable(): void {
    if (this.#unsent === undefined) return;
    const written = this.#wire.write(this.#unsent);
    if (written >= this.#unsent.length) this.#unsent = undefined;
    else if (written > 0) this.#unsent = this.#unsent.subarray(written);
  }

  received(bytes: Uint8Array): void {
    this.#firstByteMs ??= this.#now() - this.#startedAtMs;
    this.#settle(this.#reader.feed(bytes));
  }

  ended(ending: Ending): void {
    const lost = this.#firstByteMs === undefined ? ending.kind : undefined;
    if (ending.kind !== "closed") return this.#fail(ending.reason, lost);
    const reading = this.#reader.end();
    if (reading.state === "broken") this.#fail(reading.reason, lost);
    else this.#settle(reading);
  }

  // --- internal ---

  #settle(reading: Reading): void {
    if (reading.state === "broken") return this.#fail(reading.reason);
    if (reading.state !== "complete" || this.#isOver) return;
    this.#end();
    const reusable = reading.reusable && this.#unsent === undefined && this.#wire.isOpen;
    if (reusable) this.#wire.park();
    else this.#wire.close();
    this.#tell({ answer: reading.answer, reusable, firstByteMs: this.#firstByteMs });
  }

  #fail(reason: string, lost?: Ending["kind"]): void {
    if (this.#isOver) return;
    this.#end();
    this.#wire.close();
    const failed = { failed: reason, firstByteMs: this.#firstByteMs };
    this.#tell(lost === undefined ? failed : { ...failed, lost });
  }

  #end(): void {
    this.#isOver = true;
    this.#deadline.cancel();
  }
}
