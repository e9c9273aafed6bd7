import type { HttpProbeOptions } from "../../config/care-options.ts";
import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome, ProbeTimings } from "../../domain/health.ts";
import type { Probe } from "../prober.ts";
import type { TlsPolicy } from "./certificate.ts";
import type { Deadlines } from "./deadlines.ts";
import { Dial, type Dialed, type UnderWay } from "./dial.ts";
import { Exchange, type ExchangeListener, type Outcome } from "./exchange.ts";
import { FreshConnections } from "./fresh-connections.ts";
import { redirectStep } from "./redirect.ts";
import { encodeRequest, type RequestStep } from "./request.ts";
import { Sentinel } from "./sentinel.ts";
import { statusPasses } from "./status-rule.ts";
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
  readonly #fresh = new FreshConnections();
  readonly #firstStep: RequestStep;
  readonly #firstRequest: ReturnType<typeof encodeRequest>;

  // --- of the check under way, or the last one ---

  /** Undefined when none is under way. */
  #tell: ((outcome: ProbeOutcome) => void) | undefined;
  #waitsFor: UnderWay | undefined;
  /** The last request went over a connection that an earlier one had made. */
  #isOverKept = false;
  #startedAtMs = 0;
  #timings: { -readonly [Step in keyof ProbeTimings]: ProbeTimings[Step] } = {};
  #step: RequestStep;
  /** Of that step. */
  #request: Uint8Array = NOTHING;
  #redirects = 0;

  constructor(target: Endpoint, shared: HttpTargetOptions, suspect: () => void) {
    this.#target = target;
    this.#shared = shared;
    const { method, path, body, sentinel, freshConnection } = shared.options;
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
    this.#sentinel = new Sentinel({ ...shared, target, ended });
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
    this.#ask(this.#firstStep, nowMs);
  }

  close(): void {
    this.#tell = undefined;
    this.#waitsFor?.cancel();
    this.#path?.close();
    this.#sentinel?.close();
  }

  exchanged(outcome: Outcome, wire: Wire): void {
    const nowMs = this.#shared.now();
    const isLost = "failed" in outcome && outcome.lost !== undefined && this.#isOverKept;
    // What the end of the kept connection made doubtful is asked again over a new one.
    if (isLost) this.#askAnew(outcome.lost, nowMs);
    else this.#answered(wire, outcome, nowMs);
  }

  // --- internal ---

  /** Over the kept connection where that will do. */
  #ask(step: RequestStep, nowMs: number): void {
    this.#step = step;
    const request = step === this.#firstStep ? this.#firstRequest : this.#encode(step);
    if ("refused" in request) return this.#conclude({ passed: false, reason: request.refused }, nowMs);
    this.#request = request;

    const doubt = this.#suspicion;
    this.#suspicion = undefined;
    const isHop = step !== this.#firstStep;
    const mayKeep = this.#keepsAlive && doubt === undefined && (isHop || !this.#fresh.isDue(nowMs));
    const kept = mayKeep ? this.#sentinel?.take(nowMs) : undefined;
    if (kept === undefined) return this.#askAnew(doubt, nowMs);
    this.#isOverKept = true;
    if (!isHop) this.#fresh.spared(nowMs);
    this.#askOver(kept, nowMs);
  }

  #askAnew(doubt: Ending["kind"] | undefined, nowMs: number): void {
    this.#isOverKept = false;
    this.#fresh.made(nowMs);
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
        if (!(dialed instanceof Wire)) return this.#conclude(refusal(dialed), now());
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

  #answered(wire: Wire, outcome: Outcome, nowMs: number): void {
    if (outcome.firstByteMs !== undefined) this.#timings.firstByteMs = outcome.firstByteMs;
    if ("failed" in outcome) return this.#conclude({ passed: false, reason: outcome.failed }, nowMs);
    if (outcome.reusable && this.#keepsAlive) this.#sentinel?.give(wire, nowMs);
    else if (outcome.reusable) wire.close();

    const { options } = this.#shared;
    const { status } = outcome.answer;
    const next = redirectStep(outcome.answer, this.#step, options.scheme, this.#target);
    if (next === undefined)
      return this.#conclude({ passed: statusPasses(status, options.acceptStatus), reason: `status ${status}` }, nowMs);
    if (++this.#redirects > MAX_REDIRECTS)
      return this.#conclude({ passed: false, reason: "too many redirects" }, nowMs);
    this.#ask(next, nowMs);
  }

  #conclude(finding: Finding, nowMs: number): void {
    const tell = this.#tell;
    this.#waitsFor = undefined;
    if (finding.passed === true) {
      this.#suspicion = undefined;
      this.#sentinel?.keepOne(nowMs);
      if (!this.#isOverKept) this.#path?.used();
    } else this.#sentinel?.close();
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
    return this.#shared.options.timeoutMs - (nowMs - this.#startedAtMs);
  }
}

// --- internal ---

const MAX_REDIRECTS = 10;

const NOTHING = new Uint8Array();

type Finding =
  | { readonly passed: true | undefined; readonly reason: string }
  | { readonly passed: false; readonly reason: string; readonly unreachable?: true };

function refusal(ending: Exclude<Dialed, Wire>): Finding {
  if (ending.kind === "unasked") return { passed: undefined, reason: ending.reason };
  const reason = ending.kind === "closed" ? "closed without an answer" : ending.reason;
  return ending.isUnreachable ? { passed: false, reason, unreachable: true } : { passed: false, reason };
}
