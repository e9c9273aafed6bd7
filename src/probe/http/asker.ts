import type { HttpProbeOptions } from "../../config/care-options.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { ProbeTimings } from "../../domain/health.ts";
import type { Clock } from "../clock.ts";
import type { Connection, Ending, NewConnection } from "./connection.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { Dial, type UnderWay, type Undialed } from "./dial.ts";
import { Exchange, type ExchangeListener, type Outcome } from "./exchange.ts";
import type { ReusePolicy } from "./reuse-policy.ts";
import type { ReconnectSchedule } from "./reconnect-schedule.ts";
import { judge, refusal, type Finding, type Judgement } from "./judgement.ts";
import type { RequestStep } from "./request.ts";
import type { Sentinel } from "./sentinel.ts";

/** The same for all real servers. */
export interface AskingOptions {
  readonly options: HttpProbeOptions;
  /** For requests: with TLS, where they go over it. */
  readonly newConnection: NewConnection;
  /** TCP alone. */
  readonly newTcpConnection: NewConnection;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** What to say of a check that took too long, and of one that never came to a connection: the same for all, so made once. */
  readonly overdue: { readonly timedOut: string; readonly noAnswer: string };
}

export interface AskerOptions {
  readonly target: Endpoint;
  readonly shared: AskingOptions;
  readonly sentinel: Sentinel | undefined;
  readonly reuse: ReusePolicy;
  readonly reconnects: ReconnectSchedule;
  readonly listener: AskerListener;
}

export interface AskerListener {
  /** Once for each request; `reusable` is the connection that it went over, parked, where that can take another. */
  asked(judgement: Judgement, reusable: Connection | undefined, nowMs: number): void;
}

/** The requests of one check, one after the other: over a kept connection, over a new one, or over both where the kept one leaves it in doubt. */
export class Asker implements ExchangeListener, UnderWay {
  readonly #options: AskerOptions;
  #step = NO_STEP;
  #request: Uint8Array = NOTHING;
  #checkEndsAtMs = 0;
  /** Of what is asked now: sooner than the check where only a second opinion is wanted. */
  #endsAtMs = 0;
  #waitsFor: UnderWay | undefined;
  /** The connection of an earlier check that is asked, or was. */
  #kept: Connection | undefined;
  #isOverKept = false;
  /** The exchange over the kept connection, while a new one is asked besides because it lingers. */
  #lingering: UnderWay | undefined;
  /** What was answered over the kept connection, while a new one is asked whether that is so. */
  #doubted: Finding | undefined;
  /** The kept connection gave no good answer, where a new one may. */
  #isMisled = false;
  /** How long a good answer over a new connection took the last time, connecting included. */
  #freshTookMs = 0;
  #askedAnewAtMs = 0;
  /** Until when a new connection may leave the sentinel besides unharmed; undefined where none stands. */
  #patience: Deadline | undefined;
  #letGoAtMs: number | undefined;
  #timings: { -readonly [Step in keyof ProbeTimings]: ProbeTimings[Step] } = {};

  constructor(options: AskerOptions) {
    this.#options = options;
  }

  /** The last answer came over a kept connection. */
  get isOverKept(): boolean {
    return this.#isOverKept;
  }

  /** Of the check's last connection and request. */
  get timings(): ProbeTimings {
    return this.#timings;
  }

  /** A check begins: nothing is known of it. */
  begin(endsAtMs: number): void {
    this.#checkEndsAtMs = endsAtMs;
    this.#timings = {};
    this.#kept = undefined;
    this.#isMisled = false;
    this.#letGoAtMs = undefined;
  }

  askOverKept(kept: Connection, step: RequestStep, request: Uint8Array, nowMs: number): void {
    this.#prepare(step, request);
    this.#kept = kept;
    this.#askOver(kept, nowMs);
  }

  /** `doubt`: how a kept connection ended, where that is why it is asked. */
  askAnew(doubt: Ending["kind"] | undefined, step: RequestStep, request: Uint8Array, nowMs: number): void {
    this.#prepare(step, request);
    this.#askAnew(doubt, nowMs);
  }

  cancel(): void {
    this.#endPatience();
    this.#lingering?.cancel();
    this.#waitsFor?.cancel();
    this.#lingering = undefined;
    this.#waitsFor = undefined;
  }

  exchanged(outcome: Outcome, connection: Connection): void {
    const { target, shared } = this.#options;
    const nowMs = shared.clock.now();
    this.#isOverKept = connection === this.#kept;
    const isAskedTwice = this.#lingering !== undefined;
    const other = this.#isOverKept ? this.#waitsFor : this.#lingering;
    const judged = judge(outcome, this.#step, target, shared.options);
    // Nothing came over the kept connection, and no new one came to be: that there was one before is no sign of life.
    const isGone = outcome.firstByteMs === undefined && other instanceof Dial && !other.isReached;
    const judgement = judged.passed === false && isGone ? { ...judged, unreachable: true as const } : judged;
    this.#lingering = undefined;
    if (this.#isOverKept && judgement.passed === false && nowMs < this.#endsAtMs) {
      return this.#doubt(connection, outcome, judgement, isAskedTwice, nowMs);
    }
    if (isAskedTwice) {
      other?.cancel();
      this.#isMisled = !this.#isOverKept;
      // It may have the steps of the other.
      if (this.#isOverKept) this.#timings = {};
    }
    if (outcome.firstByteMs !== undefined) this.#timings.firstByteMs = outcome.firstByteMs;
    if (judgement.passed !== false) this.#learn(judgement, nowMs);
    else if (!this.#isOverKept && "failed" in outcome && outcome.lost !== undefined)
      return this.#knock(judgement, nowMs);
    this.#conclude(judgement, "answer" in outcome && outcome.reusable ? connection : undefined, nowMs);
  }

  /** Whoever is slow may go on; whoever answers a connection's first request only is asked by a new one meanwhile. */
  lingers(connection: Connection): void {
    if (connection !== this.#kept) return;
    this.#lingering = this.#waitsFor;
    this.#askAnew(undefined, this.#options.shared.clock.now());
  }

  // --- internal ---

  #prepare(step: RequestStep, request: Uint8Array): void {
    this.#step = step;
    this.#request = request;
    this.#endsAtMs = this.#checkEndsAtMs;
    this.#doubted = undefined;
  }

  /**
   * A failure over the kept connection is none yet: the server may have closed it just then, or said goodbye before it read the request, or may answer
   * one request of a connection only. What it did answer counts, though, unless a new connection soon has another answer.
   */
  #doubt(connection: Connection, outcome: Outcome, finding: Finding, isAskedTwice: boolean, nowMs: number): void {
    this.#isMisled = true;
    if ("answer" in outcome) {
      if (outcome.reusable) connection.close();
      this.#doubted = finding;
      this.#endsAtMs = Math.min(this.#endsAtMs, nowMs + Math.max(SECOND_OPINION_MS, 2 * this.#freshTookMs));
    }
    if (!isAskedTwice) this.#askAnew("failed" in outcome ? outcome.lost : undefined, nowMs);
  }

  #askAnew(doubt: Ending["kind"] | undefined, nowMs: number): void {
    const { target, shared, sentinel, reconnects } = this.#options;
    reconnects.made(nowMs);
    this.#askedAnewAtMs = nowMs;
    this.#endPatience();
    if (sentinel?.stands === true) this.#beginPatience(sentinel, nowMs);
    const { newConnection, deadlines, options, overdue, clock } = shared;
    const isShort = doubt === "silent";
    const dial = new Dial(
      {
        target,
        newConnection,
        deadlines,
        withinMs: isShort ? this.#shortMs : options.connectTimeoutMs,
        noAnswer: isShort ? SILENT : overdue.noAnswer,
        remainingMs: this.#endsAtMs - nowMs,
        timedOut: overdue.timedOut,
      },
      (dialed) => {
        if ("kind" in dialed) return this.#undialed(dialed, clock.now());
        this.#timings = dialed.timings;
        this.#askOver(dialed, clock.now());
      },
    );
    this.#waitsFor = dial;
    dial.start();
  }

  #askOver(connection: Connection, nowMs: number): void {
    const { method } = this.#step;
    const exchange = new Exchange(connection, method, this.#request, this.#options.shared, this);
    this.#waitsFor = exchange;
    exchange.start(nowMs, this.#endsAtMs - nowMs);
  }

  /**
   * A new connection was lost: by a server that goes on taking them, or by one that goes away, whose last ones are reset. The next one tells, and
   * nothing is asked over it: what it finds is whether there is anybody at all.
   */
  #knock(finding: Finding, nowMs: number): void {
    const { target, shared } = this.#options;
    const { newTcpConnection, deadlines, overdue, clock } = shared;
    const remainingMs = this.#endsAtMs - nowMs;
    if (remainingMs <= 0) return this.#conclude(finding, undefined, nowMs);
    const dial = new Dial(
      {
        target,
        newConnection: newTcpConnection,
        deadlines,
        withinMs: this.#shortMs,
        noAnswer: SILENT,
        remainingMs,
        timedOut: overdue.timedOut,
      },
      (dialed) => {
        if (!("kind" in dialed)) dialed.abort();
        const isGone = "kind" in dialed && dialed.isUnreachable && dialed.kind !== "unasked";
        this.#conclude(isGone ? refusal(dialed) : finding, undefined, clock.now());
      },
    );
    this.#waitsFor = dial;
    dial.start();
  }

  /** Where a connection was lost or fell silent, there is evidence already: a little silence is enough. */
  get #shortMs(): number {
    const { connectTimeoutMs, sentinelTimeoutMs } = this.#options.shared.options;
    return Math.min(connectTimeoutMs, sentinelTimeoutMs + 100);
  }

  #undialed(ending: Undialed, nowMs: number): void {
    const finding = refusal(ending);
    this.#isOverKept = false;
    // TLS came to nothing.
    if (finding.passed === false && !ending.isUnreachable && ending.kind !== "silent")
      return this.#knock(finding, nowMs);
    if (finding.passed !== undefined || this.#lingering === undefined) return this.#conclude(finding, undefined, nowMs);
    // This host lacks the means to ask anew: the kept connection goes on.
    this.#waitsFor = this.#lingering;
    this.#lingering = undefined;
  }

  /** A server that serves one connection at a time, TLS or not, may be waiting for the sentinel to end. */
  #beginPatience(sentinel: Sentinel, nowMs: number): void {
    const { deadlines, options, clock } = this.#options.shared;
    this.#patience = deadlines.after(Math.min(this.#endsAtMs - nowMs, options.connectTimeoutMs) / 2, () => {
      this.#letGoAtMs = clock.now();
      sentinel.close();
    });
  }

  #endPatience(): void {
    this.#patience?.cancel();
    this.#patience = undefined;
  }

  /** What a good answer shows of keeping connections to this server. */
  #learn({ passed }: Judgement, nowMs: number): void {
    const { reuse, shared } = this.#options;
    if (passed === true && this.#isMisled) reuse.keptAnsweredWrong(nowMs);
    else if (passed === true && this.#isOverKept) reuse.keptAnsweredWell();
    if (this.#isOverKept) return;
    this.#freshTookMs = nowMs - this.#askedAnewAtMs;
    if (this.#patience === undefined) return;
    if (this.#letGoAtMs === undefined) reuse.servedBesideKept();
    // Otherwise it may be slow, and have answered by then for another reason.
    else if (nowMs - this.#letGoAtMs <= SOON * shared.options.timeoutMs) reuse.blockedByKept(nowMs);
  }

  #conclude(found: Judgement, reusable: Connection | undefined, nowMs: number): void {
    const isOpinion = "next" in found || found.passed === true || (found.passed === false && nowMs < this.#endsAtMs);
    const judgement = isOpinion ? found : (this.#doubted ?? found);
    this.#waitsFor = undefined;
    this.cancel();
    this.#options.listener.asked(judgement, reusable, nowMs);
  }
}

// --- internal ---

/** So long a new connection has for an answer where the kept one had a bad one; longer where a server has taken longer before. */
const SECOND_OPINION_MS = 1000;

/** Of the time for a check. */
const SOON = 0.1;

const SILENT = "answers nothing any more";

const NOTHING = new Uint8Array();

const NO_STEP: RequestStep = { method: "GET", path: "/", body: "" };
