import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { Probe } from "../prober.ts";
import { CheckAttempt, type AttemptOptions } from "./check-attempt.ts";
import { ReuseLessons } from "./reuse-lessons.ts";
import { ReusePolicy } from "./reuse-policy.ts";
import { ReconnectSchedule } from "./reconnect-schedule.ts";
import type { Conclusion, Judgement } from "./judgement.ts";
import { encodeRequest, type RequestStep } from "./request.ts";
import { Sentinel } from "./sentinel.ts";
import type { Ending, Connection } from "./connection.ts";

/** What all targets of one prober share. */
export interface HttpTargetOptions extends AttemptOptions {
  /** Calls `lost` when the way to a server broke that the last connection took. */
  readonly watchPath?: ((target: Endpoint, lost: () => void) => WatchedPath) | undefined;
}

export interface WatchedPath {
  /** A connection was made over it just now. */
  used(): void;
  close(): void;
}

/**
 * Checks one real server by HTTP requests. Between two checks a connection stays open, the sentinel: its end is the
 * first sign that the server is gone. The next check goes over it, unless a fresh one is due.
 */
export class HttpTarget implements Probe {
  readonly #target: Endpoint;
  readonly #shared: HttpTargetOptions;
  readonly #keepsAlive: boolean;
  readonly #sentinel: Sentinel | undefined;
  readonly #path: WatchedPath | undefined;
  readonly #suspect: () => void;
  /** How the sentinel ended, until the next check has judged it. */
  #suspicion: Ending["kind"] | undefined;
  readonly #reuse: ReusePolicy;
  readonly #reconnects = new ReconnectSchedule();
  readonly #attempt: CheckAttempt;
  readonly #firstStep: RequestStep;
  readonly #firstRequest: ReturnType<typeof encodeRequest>;

  // --- of the check under way, or the last one ---

  /** Undefined when none is under way. */
  #tell: ((outcome: ProbeOutcome) => void) | undefined;
  #startedAtMs = 0;
  #redirects = 0;

  constructor(target: Endpoint, shared: HttpTargetOptions, suspect: () => void) {
    this.#target = target;
    this.#shared = shared;
    const { method, path, body, sentinel, sentinelWorthMs, freshConnection } = shared.options;
    const reuse = new ReusePolicy(sentinelWorthMs);
    this.#reuse = reuse;
    this.#keepsAlive = sentinel && !freshConnection;
    this.#firstStep = { method: method || "GET", path, body };
    this.#firstRequest = this.#encode(this.#firstStep);
    this.#suspect = suspect;
    if (sentinel) {
      const ended = (kind: Ending["kind"]): void => {
        this.#suspicion = kind;
        if (this.#tell === undefined) suspect();
      };
      this.#sentinel = new Sentinel({ ...shared, target, reuse, ended });
      this.#path = shared.watchPath?.(target, () => ended("silent"));
    }
    this.#attempt = new CheckAttempt({
      target,
      shared,
      lessons: new ReuseLessons(shared, reuse, this.#sentinel),
      reconnects: this.#reconnects,
      asked: (judgement, reusable, nowMs) => this.#asked(judgement, reusable, nowMs),
    });
  }

  get renewWithinMs(): number | undefined {
    return this.#sentinel?.renewWithinMs;
  }

  check(tell: (outcome: ProbeOutcome) => void): void {
    this.#tell = tell;
    const nowMs = this.#shared.clock.now();
    this.#startedAtMs = nowMs;
    this.#redirects = 0;
    this.#attempt.begin(nowMs + this.#shared.options.timeoutMs);
    this.#ask(this.#firstStep, nowMs);
  }

  distrust(): void {
    this.#suspicion ??= "silent";
  }

  close(): void {
    this.#tell = undefined;
    this.#attempt.cancel();
    this.#path?.close();
    this.#sentinel?.close();
  }

  // --- internal ---

  #asked(judgement: Judgement, reusable: Connection | undefined, nowMs: number): void {
    if (this.#keepsAlive && reusable !== undefined) this.#sentinel?.give(reusable, nowMs);
    else reusable?.close();
    if (!("next" in judgement)) return this.#conclude(judgement, nowMs);
    if (++this.#redirects > MAX_REDIRECTS)
      return this.#conclude({ passed: false, reason: "too many redirects" }, nowMs);
    this.#ask(judgement.next, nowMs);
  }

  /** Over the kept connection where that will do. */
  #ask(step: RequestStep, nowMs: number): void {
    const request = step === this.#firstStep ? this.#firstRequest : this.#encode(step);
    if ("refused" in request) return this.#conclude({ passed: false, reason: request.refused }, nowMs);

    const doubt = this.#suspicion;
    this.#suspicion = undefined;
    const isHop = step !== this.#firstStep;
    const isSpared = isHop || (this.#reuse.isHarmless && !this.#reconnects.isDue(nowMs));
    const kept = this.#keepsAlive && doubt === undefined && isSpared ? this.#sentinel?.take(nowMs) : undefined;
    if (kept === undefined) return this.#attempt.askAnew(doubt, step, request, nowMs);
    if (!isHop) this.#reconnects.spared(nowMs);
    this.#attempt.askOverKept(kept, step, request, nowMs);
  }

  #conclude(conclusion: Conclusion, nowMs: number): void {
    const tell = this.#tell;
    if (conclusion.passed === true) {
      this.#suspicion = undefined;
      this.#sentinel?.keepOne(nowMs);
      if (!this.#attempt.isOverKept) this.#path?.used();
    } else if (conclusion.passed === false) this.#sentinel?.close();
    this.#tell = undefined;
    const latencyMs = nowMs - this.#startedAtMs;
    const { timings } = this.#attempt;
    const { passed, reason } = conclusion;
    if (passed === undefined) tell?.({ passed, reason, latencyMs });
    else if (passed) tell?.({ passed, reason, latencyMs, timings });
    else tell?.({ ...conclusion, latencyMs, timings });
    // The next sentinel was refused immediately, before this check was over.
    if (passed === true && this.#suspicion !== undefined) this.#suspect();
  }

  #encode(step: RequestStep): ReturnType<typeof encodeRequest> {
    return encodeRequest(step, formatEndpoint(this.#target), this.#shared.options.headers, this.#keepsAlive);
  }
}

// --- internal ---

const MAX_REDIRECTS = 10;
