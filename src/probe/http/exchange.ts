import { startPatientTimer, type PatientTimer } from "./patient-timer.ts";
import { ResponseReader, type Answer, type Reading } from "./response-reader.ts";
import type { Ending, Wire, WireListener } from "./wire.ts";

export interface ExchangeOptions {
  readonly method: string;
  readonly request: Uint8Array;
  readonly remainingMs: number;
  readonly now: () => number;
  /** What to say when that is over. */
  readonly timedOut: string;
}

export type Outcome = {
  /** Milliseconds from the request to the first byte that came back; absent when none did. */
  readonly firstByteMs?: number;
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

/**
 * One request and its answer over a wire that stands. Never rejects; by the time it resolves, the wire is closed unless the outcome says
 * `reusable`: whether the answer came, a timeout did or the signal was aborted.
 */
export function exchange(wire: Wire, options: ExchangeOptions, signal: AbortSignal): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  new Exchange(wire, options, signal, resolve).start();
  return promise;
}

// --- internal ---

class Exchange implements WireListener {
  readonly #wire: Wire;
  readonly #signal: AbortSignal;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #reader: ResponseReader;
  readonly #abort = (): void => this.#finish({ failed: "aborted" });
  readonly #timer: PatientTimer;
  #unsent: Uint8Array;
  readonly #now: () => number;
  readonly #startedAtMs: number;
  #firstByteMs: number | undefined;
  #isOver = false;

  constructor(wire: Wire, options: ExchangeOptions, signal: AbortSignal, resolve: (outcome: Outcome) => void) {
    this.#wire = wire;
    this.#resolve = resolve;
    this.#signal = signal;
    this.#now = options.now;
    this.#startedAtMs = options.now();
    this.#reader = new ResponseReader(options.method);
    this.#unsent = options.request;
    this.#timer = startPatientTimer(options.remainingMs, () => this.#finish({ failed: options.timedOut }));
    signal.addEventListener("abort", this.#abort);
  }

  start(): void {
    if (this.#signal.aborted) return this.#abort();
    // What a server said unasked comes first, and may be the end of it.
    this.#wire.listen(this);
    if (!this.#isOver) this.writable();
  }

  established(): void {
    // It stood before.
  }

  writable(): void {
    if (this.#unsent.length === 0) return;
    const written = this.#wire.write(this.#unsent);
    if (written > 0) this.#unsent = this.#unsent.subarray(written);
  }

  received(bytes: Uint8Array): void {
    this.#firstByteMs ??= this.#now() - this.#startedAtMs;
    this.#settle(this.#reader.feed(bytes));
  }

  ended(ending: Ending): void {
    const lost = this.#firstByteMs !== undefined ? {} : { lost: ending.kind };
    if (ending.kind !== "closed") return this.#finish({ failed: ending.reason, ...lost });
    const reading = this.#reader.end();
    if (reading.state === "broken") this.#finish({ failed: reading.reason, ...lost });
    else this.#settle(reading);
  }

  // --- internal ---

  #settle(reading: Reading): void {
    if (reading.state === "broken") return this.#finish({ failed: reading.reason });
    if (reading.state !== "complete") return;
    this.#finish({
      answer: reading.answer,
      reusable: reading.reusable && this.#unsent.length === 0 && this.#wire.isOpen,
    });
  }

  #finish(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.cancel();
    this.#signal.removeEventListener("abort", this.#abort);
    if ("answer" in outcome && outcome.reusable) this.#wire.park();
    else this.#wire.close();
    this.#resolve(this.#firstByteMs === undefined ? outcome : { ...outcome, firstByteMs: this.#firstByteMs });
  }
}
