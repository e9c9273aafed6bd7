import type { Endpoint } from "../../domain/endpoint.ts";
import type { ProbeTimings } from "../../domain/health.ts";
import type { Connection, Ending, NewConnection } from "../connection/connection.ts";
import {
  besideLimits,
  Dial,
  shortLimits,
  type DialLimits,
  type TellDialed,
  type UnderWay,
  type Undialed,
} from "../connection/dial.ts";
import { Exchange, type ExchangeListener, type ExchangeOptions, type Outcome } from "./exchange.ts";
import { refusal, type Conclusion, type JudgeAnswer, type Judgement } from "./judgement.ts";
import type { RequestStep } from "./request.ts";
import type { ProbeResponse } from "./response/response-reader.ts";
import { retryAfterMs } from "./retry-after.ts";
import type { KeepAlive, KeepAliveOptions } from "./keep-alive/keep-alive.ts";

/** The same for all real servers. */
export interface AttemptOptions extends KeepAliveOptions, ExchangeOptions {
  /** For requests: with TLS, where they go over it. */
  readonly newConnection: NewConnection;
  /** TCP alone. */
  readonly newTcpConnection: NewConnection;
  /**
   * The outcomes for a check that took too long, and for one that got no connection. They are always the same, so
   * made once.
   */
  readonly overdue: { readonly timedOut: string; readonly noAnswer: string };
  /** What an answer says of the real server that gave it. */
  readonly judge: JudgeAnswer;
}

export interface CheckAttemptOptions {
  readonly target: Endpoint;
  readonly shared: AttemptOptions;
  readonly keepAlive: KeepAlive;
  /**
   * Called once for each request. `reusable` is the connection that it used, parked, if that can take another
   * request.
   */
  readonly asked: (judgement: Judgement, reusable: Connection | undefined, nowMs: number) => void;
}

/**
 * Where the request goes. Over a new connection the attempt connects, or asks, or only finds out whether anything
 * answers.
 */
type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "kept"; readonly overKept: UnderWay }
  /** The kept connection lingers, so that a new one is asked as well. `isUnheard`: it acknowledged nothing by then. */
  | { readonly kind: "both"; readonly overKept: UnderWay; readonly overNew: UnderWay; readonly isUnheard: boolean }
  /** `doubted`: the answer over the kept connection, while a new one is asked for confirmation. */
  | { readonly kind: "new"; readonly overNew: UnderWay; readonly doubted: Conclusion | undefined };

/**
 * The requests of one check, one after the other: over a kept connection, over a new one, or over both where the kept
 * one leaves a doubt.
 */
export class CheckAttempt implements ExchangeListener, UnderWay {
  readonly #options: CheckAttemptOptions;
  #phase: Phase = IDLE;
  #step = NO_STEP;
  #request: Uint8Array = NOTHING;
  #checkEndsAtMs = 0;
  /** The deadline of the present request: earlier than the check's where only a second opinion is wanted. */
  #endsAtMs = 0;
  /** The connection of an earlier check that is asked, or was. */
  #kept: Connection | undefined;
  #isOverKept = false;
  #timings: { -readonly [Step in keyof ProbeTimings]: ProbeTimings[Step] } = {};

  constructor(options: CheckAttemptOptions) {
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
    this.#options.keepAlive.checkBegan();
  }

  askOverKept(kept: Connection, step: RequestStep, request: Uint8Array, nowMs: number): void {
    this.#prepare(step, request);
    this.#kept = kept;
    const overKept = this.#exchangeOver(kept);
    this.#phase = { kind: "kept", overKept };
    overKept.start(nowMs, this.#endsAtMs - nowMs, true);
  }

  /** `doubt`: how a kept connection ended, where that is why it is asked. */
  askAnew(doubt: Ending["kind"] | undefined, step: RequestStep, request: Uint8Array, nowMs: number): void {
    this.#prepare(step, request);
    this.#dialNew(this.#limits(doubt), (overNew) => ({ kind: "new", overNew, doubted: undefined }), nowMs);
  }

  cancel(): void {
    const phase = this.#phase;
    this.#phase = IDLE;
    this.#options.keepAlive.endPatience();
    if ("overKept" in phase) phase.overKept.cancel();
    if ("overNew" in phase) phase.overNew.cancel();
  }

  exchanged(outcome: Outcome, connection: Connection): void {
    const phase = this.#phase;
    const nowMs = this.#options.shared.clock.now();
    this.#isOverKept = connection === this.#kept;
    const judgement = this.#judge(outcome, phase);
    if (this.#isOverKept && judgement.passed === false && nowMs < this.#endsAtMs)
      return this.#doubt(connection, outcome, judgement, phase, nowMs);
    if (phase.kind === "both") this.#decide(phase);
    if (outcome.firstByteMs !== undefined) this.#timings.firstByteMs = outcome.firstByteMs;
    if (judgement.passed !== false)
      this.#options.keepAlive.answered(judgement.passed === true, this.#isOverKept, nowMs);
    else if (!this.#isOverKept && "failed" in outcome && outcome.lost !== undefined)
      return this.#confirm(judgement, nowMs);
    this.#conclude(judgement, "answer" in outcome && outcome.reusable ? connection : undefined, nowMs);
  }

  /**
   * A slow server may go on. One that answers only a connection's first request is meanwhile asked over a new
   * connection.
   */
  lingers(connection: Connection): void {
    const phase = this.#phase;
    if (connection !== this.#kept || phase.kind !== "kept") return;
    const { overKept } = phase;
    this.#dialNew(
      this.#limits(undefined),
      (overNew) => ({ kind: "both", overKept, overNew, isUnheard: false }),
      this.#options.shared.clock.now(),
    );
  }

  /**
   * A packet was lost, or the server's host is gone. Who answers neither this connection nor any of several dials
   * beside it, is gone.
   */
  unacknowledged(connection: Connection, roundTripMs: number): void {
    const phase = this.#phase;
    if (connection !== this.#kept || phase.kind !== "kept") return;
    const { overKept } = phase;
    const limits = besideLimits(this.#options.shared.options, roundTripMs);
    const nowMs = this.#options.shared.clock.now();
    this.#dialNew(limits, (overNew) => ({ kind: "both", overKept, overNew, isUnheard: true }), nowMs);
  }

  // --- internal ---

  #prepare(step: RequestStep, request: Uint8Array): void {
    this.#step = step;
    this.#request = request;
    this.#endsAtMs = this.#checkEndsAtMs;
  }

  #judge(outcome: Outcome, phase: Phase): Judgement {
    const { target, shared } = this.#options;
    const judged: Judgement =
      "failed" in outcome
        ? { passed: false, reason: outcome.failed }
        : waiting(shared.judge(outcome.answer, this.#step, target), outcome.answer);
    // Nothing came over the kept connection, and no new one was made: that there was a connection before is no sign
    // of life.
    const beside = this.#isOverKept && phase.kind === "both" ? phase.overNew : undefined;
    const isGone = outcome.firstByteMs === undefined && beside instanceof Dial && !beside.isReached;
    return judged.passed === false && isGone ? { ...judged, unreachable: true as const } : judged;
  }

  /**
   * A failure over the kept connection does not count yet: the server may have just closed it, or said goodbye before
   * it read the request, or it may answer only one request per connection. An answer does count, unless a new
   * connection soon brings another one.
   */
  #doubt(connection: Connection, outcome: Outcome, conclusion: Conclusion, phase: Phase, nowMs: number): void {
    const { keepAlive } = this.#options;
    keepAlive.keptIsWrong(true);
    const hasAnswered = "answer" in outcome;
    const doubted = hasAnswered ? conclusion : undefined;
    if (hasAnswered) {
      if (outcome.reusable) connection.close();
      this.#endsAtMs = Math.min(this.#endsAtMs, nowMs + Math.max(SECOND_OPINION_MS, 2 * keepAlive.newTookMs));
    }
    if (phase.kind === "both") this.#phase = { kind: "new", overNew: phase.overNew, doubted };
    else {
      const limits = this.#limits(hasAnswered ? undefined : outcome.lost);
      this.#dialNew(limits, (overNew) => ({ kind: "new", overNew, doubted }), nowMs);
    }
  }

  /** How long a new connection may take, where a kept one ended so. */
  #limits(doubt: Ending["kind"] | undefined): DialLimits {
    const { options, overdue } = this.#options.shared;
    return doubt === "silent"
      ? shortLimits(options)
      : { withinMs: options.connectTimeoutMs, noAnswer: overdue.noAnswer };
  }

  /** Of two that were asked, this one was first. */
  #decide({ overKept, overNew, isUnheard }: Extract<Phase, { kind: "both" }>): void {
    if (this.#isOverKept) overNew.cancel();
    else overKept.cancel();
    // A lost packet is nobody's fault.
    if (!isUnheard) this.#options.keepAlive.keptIsWrong(!this.#isOverKept);
    this.#phase = this.#isOverKept ? { kind: "kept", overKept } : { kind: "new", overNew, doubted: undefined };
    // They may be the steps of the other.
    if (this.#isOverKept) this.#timings = {};
  }

  #dialNew(limits: DialLimits, phase: (overNew: UnderWay) => Phase, nowMs: number): void {
    const { shared, keepAlive } = this.#options;
    const { clock } = shared;
    const { newConnection } = keepAlive;
    keepAlive.askedAnew(nowMs, this.#endsAtMs);
    const dial = this.#dial(newConnection, limits, nowMs, (dialed, askedMs = clock.now()) => {
      if ("kind" in dialed) return this.#undialed(dialed, askedMs);
      this.#timings = dialed.timings;
      const exchange = this.#exchangeOver(dialed);
      this.#goOnOverNew(exchange);
      exchange.start(askedMs, this.#endsAtMs - askedMs);
    });
    this.#phase = phase(dial);
    dial.start();
  }

  #exchangeOver(connection: Connection): Exchange {
    return new Exchange(connection, this.#step.method, this.#request, this.#options.shared, this);
  }

  #dial(newConnection: NewConnection, limits: DialLimits, nowMs: number, tell: TellDialed): Dial {
    const { target, shared, keepAlive } = this.#options;
    const { deadlines, overdue } = shared;
    const remainingMs = this.#endsAtMs - nowMs;
    const { timedOut } = overdue;
    const beside = { isUnheard: () => keepAlive.isUnheard, lookMs: shared.options.sentinelTimeoutMs / 2 };
    return new Dial({ target, newConnection, deadlines, nowMs, ...limits, beside, remainingMs, timedOut }, tell);
  }

  /** Replaces what was under way there and is now over. */
  #goOnOverNew(overNew: UnderWay): void {
    const phase = this.#phase;
    if (phase.kind === "both" || phase.kind === "new") this.#phase = { ...phase, overNew };
  }

  /**
   * A new connection was lost: either the server goes on accepting connections, or it is shutting down and resets its
   * last ones. The next connection decides. No request is sent over it: it only shows whether the server still
   * accepts.
   */
  #confirm(conclusion: Conclusion, nowMs: number): void {
    const { newTcpConnection, options, clock } = this.#options.shared;
    if (this.#endsAtMs <= nowMs) return this.#conclude(conclusion, undefined, nowMs);
    const dial = this.#dial(newTcpConnection, shortLimits(options), nowMs, (dialed, endMs = clock.now()) => {
      if (!("kind" in dialed)) dialed.abort();
      const isGone = "kind" in dialed && dialed.isUnreachable && dialed.kind !== "unasked";
      this.#conclude(isGone ? refusal(dialed) : conclusion, undefined, endMs);
    });
    this.#goOnOverNew(dial);
    dial.start();
  }

  #undialed(ending: Undialed, nowMs: number): void {
    const phase = this.#phase;
    const conclusion = refusal(ending);
    this.#isOverKept = false;
    // TLS failed.
    if (conclusion.passed === false && !ending.isUnreachable && ending.kind !== "silent")
      return this.#confirm(conclusion, nowMs);
    // If this host lacks the means for a new connection, the kept one goes on; so it does where it was heard again.
    const isHeard = ending.kind === "silent" && this.#kept?.acknowledgement()?.isOutstanding === false;
    if (phase.kind === "both" && (conclusion.passed === undefined || (phase.isUnheard && isHeard)))
      this.#phase = { kind: "kept", overKept: phase.overKept };
    else this.#conclude(conclusion, undefined, nowMs);
  }

  #conclude(found: Judgement, reusable: Connection | undefined, nowMs: number): void {
    const phase = this.#phase;
    const isOpinion = "next" in found || found.passed === true || (found.passed === false && nowMs < this.#endsAtMs);
    const doubted = phase.kind === "new" && !isOpinion ? phase.doubted : undefined;
    this.cancel();
    this.#options.asked(doubted ?? found, reusable, nowMs);
  }
}

// --- internal ---

/**
 * How long a new connection may take for an answer after a bad one over the kept connection; longer for a server that
 * took longer before.
 */
const SECOND_OPINION_MS = 1000;

const NOTHING = new Uint8Array();

const NO_STEP: RequestStep = { method: "GET", path: "/", body: "" };

function waiting(judgement: Judgement, answer: ProbeResponse): Judgement {
  if (judgement.passed === undefined) return judgement;
  const askedMs = retryAfterMs(answer);
  return askedMs === undefined ? judgement : { ...judgement, retryAfterMs: askedMs };
}

const IDLE: Phase = { kind: "idle" };
