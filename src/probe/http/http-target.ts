import type { HttpProbeOptions } from "../../config/care-options.ts";
import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome, ProbeTimings } from "../../domain/health.ts";
import type { Probe } from "../prober.ts";
import type { TlsPolicy } from "./certificate.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { Dial, type UnderWay } from "./dial.ts";
import { Exchange, type ExchangeListener, type Outcome } from "./exchange.ts";
import { Experience } from "./experience.ts";
import { FreshConnections } from "./fresh-connections.ts";
import { judge, refusal, type Finding, type Judgement } from "./judgement.ts";
import { encodeRequest, type RequestStep } from "./request.ts";
import { Sentinel } from "./sentinel.ts";
import { Wire, type Ending, type OpenTcpSocket } from "./wire.ts";

/** What all targets of one prober share. */
export interface HttpTargetOptions {
  readonly options: HttpProbeOptions;
  readonly tls: TlsPolicy | undefined;
  readonly openTcpSocket: OpenTcpSocket;
  /** Makes the kernel give up on a connection whose peer acknowledges nothing for so long. */
  readonly watchSilence: (fd: number, timeoutMs: number) => void;
  /** Calls `lost` when the way to a server broke that the last connection took. */
  readonly watchPath?: ((target: Endpoint, lost: () => void) => WatchedPath) | undefined;
  readonly now: () => number;
  readonly deadlines: Deadlines;
  /** What to say of a check that took too long, and of one that never came to a connection: the same for all, so made once. */
  readonly overdue: { readonly timedOut: string; readonly noAnswer: string };
}

export interface WatchedPath {
  /** A connection was made over it just now. */
  used(): void;
  close(): void;
}

/**
 * Checks one real server by HTTP requests. Between two checks a connection stays open, the sentinel: its end is the first sign that the
 * server went away. The next check goes over it, unless a fresh one is due.
 */
export class HttpTarget implements Probe, ExchangeListener {
  readonly #target: Endpoint;
  readonly #shared: HttpTargetOptions;
  readonly #keepsAlive: boolean;
  readonly #sentinel: Sentinel | undefined;
  readonly #path: WatchedPath | undefined;
  readonly #suspect: () => void;
  /** How the sentinel ended, until the next check has judged it. */
  #suspicion: Ending["kind"] | undefined;
  readonly #experience: Experience;
  readonly #fresh = new FreshConnections();
  readonly #firstStep: RequestStep;
  readonly #firstRequest: ReturnType<typeof encodeRequest>;

  // --- of the check under way, or the last one ---

  /** Undefined when none is under way. */
  #tell: ((outcome: ProbeOutcome) => void) | undefined;
  #waitsFor: UnderWay | undefined;
  /** The connection of an earlier check that is asked, or was. */
  #kept: Wire | undefined;
  /** The last answer came over that. */
  #isOverKept = false;
  /** The exchange over the kept connection, while a new one is asked besides because it lingers. */
  #lingering: UnderWay | undefined;
  /** What was answered over the kept connection, while a new one is asked whether that is so. */
  #doubted: Finding | undefined;
  /** The kept connection gave no good answer, where a new one may. */
  #isMisled = false;
  /** Until when a new connection may leave the sentinel besides unharmed; undefined where none stands. */
  #patience: Deadline | undefined;
  #letGoAtMs: number | undefined;
  #startedAtMs = 0;
  #endsAtMs = 0;
  #timings: { -readonly [Step in keyof ProbeTimings]: ProbeTimings[Step] } = {};
  #step: RequestStep;
  /** Of that step. */
  #request: Uint8Array = NOTHING;
  #redirects = 0;

  constructor(target: Endpoint, shared: HttpTargetOptions, suspect: () => void) {
    this.#target = target;
    this.#shared = shared;
    const { method, path, body, sentinel, sentinelWorthMs, freshConnection } = shared.options;
    this.#experience = new Experience(sentinelWorthMs);
    this.#keepsAlive = sentinel && !freshConnection;
    this.#firstStep = { method: method || "GET", path, body };
    this.#step = this.#firstStep;
    this.#firstRequest = this.#encode(this.#firstStep);
    this.#suspect = suspect;
    if (!sentinel) return;
    const ended = (kind: Ending["kind"]): void => {
      this.#suspicion = kind;
      if (this.#tell === undefined) suspect();
    };
    this.#sentinel = new Sentinel({ ...shared, target, experience: this.#experience, ended });
    this.#path = shared.watchPath?.(target, () => ended("silent"));
  }

  get renewWithinMs(): number | undefined {
    return this.#sentinel?.renewWithinMs;
  }

  check(tell: (outcome: ProbeOutcome) => void): void {
    this.#tell = tell;
    const nowMs = this.#shared.now();
    this.#startedAtMs = nowMs;
    this.#timings = {};
    this.#redirects = 0;
    this.#kept = undefined;
    this.#isMisled = false;
    this.#letGoAtMs = undefined;
    this.#ask(this.#firstStep, nowMs);
  }

  close(): void {
    this.#tell = undefined;
    this.#endPatience();
    this.#lingering?.cancel();
    this.#waitsFor?.cancel();
    this.#path?.close();
    this.#sentinel?.close();
  }

  exchanged(outcome: Outcome, wire: Wire): void {
    const nowMs = this.#shared.now();
    const judgement = judge(outcome, this.#step, this.#target, this.#shared.options);
    this.#isOverKept = wire === this.#kept;
    const other = this.#isOverKept ? this.#waitsFor : this.#lingering;
    const isAskedTwice = this.#lingering !== undefined;
    this.#lingering = undefined;
    if (this.#isOverKept && judgement.passed === false && nowMs < this.#endsAtMs) {
      return this.#doubt(wire, outcome, judgement, isAskedTwice, nowMs);
    }
    if (isAskedTwice) {
      other?.cancel();
      this.#isMisled = !this.#isOverKept;
      // It may have the steps of the other.
      if (this.#isOverKept) this.#timings = {};
    }
    this.#answered(wire, outcome, judgement, nowMs);
  }

  /** Whoever is slow may go on; whoever answers a connection's first request only is asked by a new one meanwhile. */
  lingers(wire: Wire): void {
    if (wire !== this.#kept) return;
    this.#lingering = this.#waitsFor;
    this.#askAnew(undefined, this.#shared.now());
  }

  // --- internal ---

  /** Over the kept connection where that will do. */
  #ask(step: RequestStep, nowMs: number): void {
    this.#step = step;
    this.#endsAtMs = this.#startedAtMs + this.#shared.options.timeoutMs;
    this.#doubted = undefined;
    this.#endPatience();
    const request = step === this.#firstStep ? this.#firstRequest : this.#encode(step);
    if ("refused" in request) return this.#conclude({ passed: false, reason: request.refused }, nowMs);
    this.#request = request;

    const doubt = this.#suspicion;
    this.#suspicion = undefined;
    const isHop = step !== this.#firstStep;
    const isSpared = isHop || (this.#experience.isHarmless && !this.#fresh.isDue(nowMs));
    const kept = this.#keepsAlive && doubt === undefined && isSpared ? this.#sentinel?.take(nowMs) : undefined;
    if (kept === undefined) return this.#askAnew(doubt, nowMs);
    this.#kept = kept;
    if (!isHop) this.#fresh.spared(nowMs);
    this.#askOver(kept, nowMs);
  }

  /**
   * A failure over the kept connection is none yet: the server may have closed it just then, or said goodbye before it read the request, or may answer
   * one request of a connection only. What it did answer counts, though, unless a new connection soon has another answer.
   */
  #doubt(wire: Wire, outcome: Outcome, finding: Finding, isAskedTwice: boolean, nowMs: number): void {
    this.#isMisled = true;
    if ("answer" in outcome) {
      if (outcome.reusable) wire.close();
      this.#doubted = finding;
      this.#endsAtMs = Math.min(this.#endsAtMs, nowMs + SECOND_OPINION_MS);
    }
    if (!isAskedTwice) this.#askAnew("failed" in outcome ? outcome.lost : undefined, nowMs);
  }

  #askAnew(doubt: Ending["kind"] | undefined, nowMs: number): void {
    this.#fresh.made(nowMs);
    this.#endPatience();
    this.#patience = this.#sentinel?.stands === true ? this.#boundPatience(nowMs) : undefined;
    const { tls, openTcpSocket, deadlines, options, overdue, now } = this.#shared;
    // Where a connection fell silent, there is evidence already: a little more silence than that is enough.
    const shortMs = Math.min(options.connectTimeoutMs, options.sentinelTimeoutMs + 100);
    const isShort = doubt === "silent";
    const dial = new Dial(
      {
        target: this.#target,
        tls,
        openTcpSocket,
        deadlines,
        withinMs: isShort ? shortMs : options.connectTimeoutMs,
        noAnswer: isShort ? "answers nothing any more" : overdue.noAnswer,
        remainingMs: this.#remainingMs(nowMs),
        timedOut: overdue.timedOut,
      },
      (dialed) => {
        if (!(dialed instanceof Wire)) {
          const isLeft = dialed.kind === "unasked" && this.#lingering !== undefined;
          if (!isLeft) return this.#conclude(refusal(dialed), now());
          this.#waitsFor = this.#lingering;
          this.#lingering = undefined;
          return;
        }
        this.#timings = dialed.timings;
        this.#askOver(dialed, now());
      },
    );
    this.#waitsFor = dial;
    dial.start();
  }

  #askOver(wire: Wire, nowMs: number): void {
    const exchange = new Exchange(wire, this.#step.method, this.#request, this.#shared, this);
    this.#waitsFor = exchange;
    exchange.start(nowMs, this.#remainingMs(nowMs));
  }

  #answered(wire: Wire, outcome: Outcome, judgement: Judgement, nowMs: number): void {
    if (outcome.firstByteMs !== undefined) this.#timings.firstByteMs = outcome.firstByteMs;
    if (judgement.passed !== false) this.#learn(judgement, nowMs);
    const isReusable = "answer" in outcome && outcome.reusable;
    if (isReusable && this.#keepsAlive) this.#sentinel?.give(wire, nowMs);
    else if (isReusable) wire.close();
    if (!("next" in judgement)) return this.#conclude(judgement, nowMs);
    if (++this.#redirects > MAX_REDIRECTS)
      return this.#conclude({ passed: false, reason: "too many redirects" }, nowMs);
    this.#ask(judgement.next, nowMs);
  }

  /** A server that serves one connection at a time, TLS or not, may be waiting for the sentinel to end. */
  #boundPatience(nowMs: number): Deadline {
    const { deadlines, options, now } = this.#shared;
    return deadlines.after(Math.min(this.#remainingMs(nowMs), options.connectTimeoutMs) / 2, () => {
      this.#letGoAtMs = now();
      this.#sentinel?.close();
    });
  }

  #endPatience(): void {
    this.#patience?.cancel();
    this.#patience = undefined;
  }

  /** What a good answer shows of keeping connections to this server. */
  #learn({ passed }: Judgement, nowMs: number): void {
    if (passed === true && this.#isMisled) this.#experience.misled(nowMs);
    else if (passed === true && this.#isOverKept) this.#experience.carriedCheck();
    if (this.#isOverKept || this.#patience === undefined) return;
    if (this.#letGoAtMs === undefined) this.#experience.leftRoom();
    // Otherwise it may be slow, and have answered by then for another reason.
    else if (nowMs - this.#letGoAtMs <= SOON * this.#shared.options.timeoutMs) this.#experience.crowdedOut(nowMs);
  }

  #conclude(found: Finding, nowMs: number): void {
    const tell = this.#tell;
    const isOpinion = found.passed !== undefined && nowMs < this.#endsAtMs;
    const finding = isOpinion ? found : (this.#doubted ?? found);
    this.#waitsFor = undefined;
    this.#endPatience();
    if (finding.passed === true) {
      this.#suspicion = undefined;
      this.#sentinel?.keepOne(nowMs);
      if (!this.#isOverKept) this.#path?.used();
    } else this.#sentinel?.close();
    this.#lingering?.cancel();
    this.#lingering = undefined;
    this.#tell = undefined;
    const latencyMs = nowMs - this.#startedAtMs;
    const timings = this.#timings;
    const { passed, reason } = finding;
    if (passed === undefined) tell?.({ passed, reason, latencyMs });
    else if (passed) tell?.({ passed, reason, latencyMs, timings });
    else tell?.({ ...finding, latencyMs, timings });
    // The next sentinel was refused at once, before this check was over.
    if (passed === true && this.#suspicion !== undefined) this.#suspect();
  }

  #encode(step: RequestStep): ReturnType<typeof encodeRequest> {
    return encodeRequest(step, formatEndpoint(this.#target), this.#shared.options.headers, this.#keepsAlive);
  }

  #remainingMs(nowMs: number): number {
    return this.#endsAtMs - nowMs;
  }
}

// --- internal ---

const MAX_REDIRECTS = 10;

/** So long a new connection has for an answer where the kept one had a bad one. */
const SECOND_OPINION_MS = 1000;

/** Of the time for a check. */
const SOON = 0.1;

const NOTHING = new Uint8Array();
