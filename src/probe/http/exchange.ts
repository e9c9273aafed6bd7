import { formatDuration } from "../../domain/duration.ts";
import { startPatientTimer, type PatientTimer } from "./patient-timer.ts";
import { ResponseReader, type Answer, type Reading } from "./response-reader.ts";
import type { Ending, Wire, WireListener } from "./wire.ts";

export interface ExchangeOptions {
  readonly method: string;
  readonly request: Uint8Array;
  /** For the connection alone; undefined when it stands already. */
  readonly connectTimeoutMs: number | undefined;
  /** What is left for all of it. */
  readonly remainingMs: number;
  /** What to say when that is over. */
  readonly timedOut: string;
}

export type Outcome =
  | {
      readonly answer: Answer;
      /** The connection stands and can take another request; otherwise it is gone. */
      readonly reusable: boolean;
    }
  | {
      readonly failed: string;
      /** There was not even a connection. */
      readonly unreachable?: true;
      /** The connection ended before anything of an answer came, and how. */
      readonly lost?: Ending["kind"];
    }
  /** This host lacked the means to ask: nothing is known about the server. */
  | { readonly unasked: string };

/**
 * One request and its answer over a wire that stands or connects. Never rejects; by the time it resolves, the wire is closed unless the
 * outcome says `reusable`: whether the answer came, a timeout did or the signal was aborted.
 */
export class Exchange implements WireListener {
  readonly outcome: Promise<Outcome>;
  readonly #signal: AbortSignal;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #reader: ResponseReader;
  readonly #abort = (): void => this.#finish({ failed: "aborted" });
  readonly #connectTimer: PatientTimer | undefined;
  readonly #timer: PatientTimer;
  #wire: Wire | undefined;
  #unsent: Uint8Array;
  #hasAnswer = false;

  constructor(options: ExchangeOptions, signal: AbortSignal) {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.outcome = promise;
    this.#resolve = resolve;
    this.#signal = signal;
    this.#reader = new ResponseReader(options.method);
    this.#unsent = options.request;
    const { connectTimeoutMs } = options;
    // The connect timer first: with both at the same length it is the one that knows more.
    if (connectTimeoutMs !== undefined) {
      this.#connectTimer = startPatientTimer(connectTimeoutMs, () => this.#connectExpired(connectTimeoutMs));
    }
    this.#timer = startPatientTimer(options.remainingMs, () => this.#expire({ failed: options.timedOut }));
    signal.addEventListener("abort", this.#abort);
  }

  /** Over a connection that stands. */
  use(wire: Wire): void {
    this.#wire = wire;
    wire.listen(this);
    this.writable();
  }

  /** Over one that is about to connect, and has this for its listener. */
  await(wire: Wire): void {
    this.#wire = wire;
  }

  established(): void {
    this.#connectTimer?.cancel();
  }

  writable(): void {
    if (this.#unsent.length === 0) return;
    const written = this.#wire?.write(this.#unsent) ?? 0;
    if (written > 0) this.#unsent = this.#unsent.subarray(written);
  }

  received(bytes: Uint8Array): void {
    this.#hasAnswer = true;
    this.#settle(this.#reader.feed(bytes));
  }

  ended(ending: Ending): void {
    if (ending.kind === "unasked") return this.#finish({ unasked: ending.reason });
    const lost = this.#hasAnswer ? {} : { lost: ending.kind };
    if (ending.kind !== "closed") return this.#expire({ failed: ending.reason, ...lost });
    const reading = this.#reader.end();
    if (reading.state === "broken") this.#finish({ failed: reading.reason, ...lost });
    else this.#settle(reading);
  }

  // --- internal ---

  #settle(reading: Reading): void {
    if (reading.state === "complete") {
      this.#finish({ answer: reading.answer, reusable: reading.reusable && this.#unsent.length === 0 });
    } else if (reading.state === "broken") this.#finish({ failed: reading.reason });
  }

  #connectExpired(timeoutMs: number): void {
    if (this.#wire?.isReached === true) return;
    this.#expire({ failed: `connect timed out after ${formatDuration(timeoutMs)}` });
  }

  #expire(outcome: Extract<Outcome, { failed: string }>): void {
    this.#finish(this.#wire?.isReached === true ? outcome : { ...outcome, unreachable: true });
  }

  #finish(outcome: Outcome): void {
    this.#connectTimer?.cancel();
    this.#timer.cancel();
    this.#signal.removeEventListener("abort", this.#abort);
    this.#resolve(outcome);
    if (!("answer" in outcome && outcome.reusable)) this.#wire?.close();
  }
}
