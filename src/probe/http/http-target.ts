import type { CertificateFacts } from "../../domain/certificate.ts";
import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { Probe } from "../prober.ts";
import { CheckAttempt, type AttemptOptions } from "./check-attempt.ts";
import { KeepAlive } from "./keep-alive/keep-alive.ts";
import type { Conclusion, Judgement } from "./judgement.ts";
import { STATE_HEADER } from "../../config/probe-kinds/http.ts";
import { encodeRequest, type HeaderList, type RequestStep } from "./request.ts";
import type { Secrets } from "./secret-headers.ts";
import type { Ending, Connection } from "../connection/connection.ts";

/** What all targets of one prober share. */
export interface HttpTargetOptions extends AttemptOptions {
  /** Undefined: no files have headers. */
  readonly secrets?: Secrets | undefined;
  /** What was shown at the last handshake with this target; undefined: there is no TLS. */
  readonly certificateOf?: ((target: Endpoint) => CertificateFacts | undefined) | undefined;
  /** What a real server is told of how it stands; undefined: nothing. */
  readonly stateOf?: ((realServer: Endpoint) => string) | undefined;
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
  readonly #realServer: Endpoint;
  readonly #shared: HttpTargetOptions;
  readonly #keepsAlive: boolean;
  readonly #keepAlive: KeepAlive;
  readonly #path: WatchedPath | undefined;
  readonly #suspect: () => void;
  /** How the kept connection ended, until the next check has judged it. */
  #suspicion: Ending["kind"] | undefined;
  readonly #attempt: CheckAttempt;
  readonly #firstStep: RequestStep;
  #firstRequest: ReturnType<typeof encodeRequest>;
  #secrets: HeaderList = [];
  /** What it was told of how it stands. */
  #state: string | undefined;

  // --- of the check under way, or the last one ---

  /** Undefined when none is under way. */
  #tell: ((outcome: ProbeOutcome) => void) | undefined;
  #startedAtMs = 0;
  #redirects = 0;
  /** It failed, and its files of secrets had changed meanwhile. */
  #isAskedAgain = false;

  /** `realServer`: whom it is about, where another one is asked. */
  constructor(target: Endpoint, realServer: Endpoint, shared: HttpTargetOptions, suspect: () => void) {
    this.#target = target;
    this.#realServer = realServer;
    this.#shared = shared;
    const { method, path, body, sentinel, freshConnection } = shared.options;
    this.#keepsAlive = sentinel && !freshConnection;
    this.#firstStep = { method: method || "GET", path, body };
    this.#firstRequest = this.#encode(this.#firstStep);
    this.#suspect = suspect;
    const ended = (kind: Ending["kind"]): void => {
      this.#suspicion = kind;
      if (this.#tell === undefined) suspect();
    };
    this.#keepAlive = new KeepAlive(target, shared, ended);
    if (sentinel) this.#path = shared.watchPath?.(target, () => ended("silent"));
    this.#attempt = new CheckAttempt({
      target,
      shared,
      keepAlive: this.#keepAlive,
      asked: (judgement, reusable, nowMs) => this.#asked(judgement, reusable, nowMs),
    });
  }

  get renewWithinMs(): number | undefined {
    return this.#keepAlive.renewWithinMs;
  }

  check(tell: (outcome: ProbeOutcome) => void): void {
    this.#tell = tell;
    const nowMs = this.#shared.clock.now();
    this.#startedAtMs = nowMs;
    this.#redirects = 0;
    this.#isAskedAgain = false;
    const secrets = this.#shared.secrets?.read() ?? this.#secrets;
    if ("lacking" in secrets) return this.#conclude({ passed: undefined, reason: secrets.lacking }, nowMs);
    this.#prepare(secrets, this.#shared.stateOf?.(this.#realServer));
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
    this.#keepAlive.end();
  }

  // --- internal ---

  #asked(judgement: Judgement, reusable: Connection | undefined, nowMs: number): void {
    if (reusable !== undefined) this.#keepAlive.give(reusable, nowMs);
    if (!("next" in judgement)) {
      if (judgement.passed === false && this.#hasOtherSecrets(nowMs)) return this.#ask(this.#firstStep, nowMs);
      return this.#conclude(judgement, nowMs);
    }
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
    const kept = doubt === undefined ? this.#keepAlive.take(isHop, nowMs) : undefined;
    if (kept === undefined) this.#attempt.askAnew(doubt, step, request, nowMs);
    else this.#attempt.askOverKept(kept, step, request, nowMs);
  }

  #conclude(conclusion: Conclusion, nowMs: number): void {
    const tell = this.#tell;
    if (conclusion.passed === true) {
      this.#suspicion = undefined;
      this.#keepAlive.passed(nowMs);
      if (!this.#attempt.isOverKept) this.#path?.used();
    } else if (conclusion.passed === false) this.#keepAlive.close();
    this.#tell = undefined;
    const latencyMs = nowMs - this.#startedAtMs;
    const { timings } = this.#attempt;
    const { passed, reason } = conclusion;
    if (passed === undefined) tell?.({ passed, reason, latencyMs });
    else {
      const certificate = this.#shared.certificateOf?.(this.#target);
      tell?.({ ...conclusion, latencyMs, timings, ...(certificate && { certificate }) });
    }
    // The next connection to keep was refused immediately, before this check was over.
    if (passed === true && this.#suspicion !== undefined) this.#suspect();
  }

  #prepare(secrets: HeaderList, state: string | undefined): void {
    if (secrets === this.#secrets && state === this.#state) return;
    this.#secrets = secrets;
    this.#state = state;
    this.#firstRequest = this.#encode(this.#firstStep);
  }

  /** Whether the files of secrets say something else than what was sent, which may be why it failed. Once for each check. */
  #hasOtherSecrets(nowMs: number): boolean {
    const { secrets, options } = this.#shared;
    if (secrets === undefined || this.#isAskedAgain || nowMs >= this.#startedAtMs + options.timeoutMs) return false;
    const found = secrets.read();
    if ("lacking" in found || found === this.#secrets) return false;
    this.#isAskedAgain = true;
    this.#redirects = 0;
    this.#prepare(found, this.#state);
    return true;
  }

  #encode(step: RequestStep): ReturnType<typeof encodeRequest> {
    const state: HeaderList = this.#state === undefined ? [] : [[STATE_HEADER, this.#state]];
    const headers = [...this.#shared.options.headers, ...this.#secrets, ...state];
    return encodeRequest(step, formatEndpoint(this.#target), headers, this.#keepsAlive);
  }
}

// --- internal ---

const MAX_REDIRECTS = 10;
