import type { HttpProbeOptions } from "../../config/care-options.ts";
import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome, ProbeTimings } from "../../domain/health.ts";
import type { Probe } from "../prober.ts";
import type { TlsPolicy } from "./certificate.ts";
import { dial, type Dialed } from "./dial.ts";
import { exchange, type Outcome } from "./exchange.ts";
import { failureReason } from "./failure-reasons.ts";
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
 * server went away. The next check goes over it, but every few times over a new one, so that a server that no longer accepts
 * connections is seen.
 */
export class HttpTarget implements Probe {
  readonly #target: Endpoint;
  readonly #shared: HttpTargetOptions;
  readonly #sentinel: Sentinel | undefined;
  readonly #path: WatchedPath | undefined;
  /** How the sentinel ended, until the next check has judged it. */
  #suspicion: Ending["kind"] | undefined;
  #isRunning = false;
  #sinceFresh = 0;
  /** Of the probe under way, or the last one. */
  #timings: ProbeTimings = {};
  readonly #firstStep: RequestStep;
  readonly #firstRequest: ReturnType<typeof encodeRequest>;

  constructor(target: Endpoint, shared: HttpTargetOptions, suspect: () => void) {
    this.#target = target;
    this.#shared = shared;
    const { method, path, body } = shared.options;
    this.#firstStep = { method: method || "GET", path, body };
    this.#firstRequest = this.#encode(this.#firstStep);
    if (!shared.options.sentinel) return;
    const ended = (kind: Ending["kind"]): void => {
      this.#suspicion = kind;
      if (!this.#isRunning) suspect();
    };
    this.#sentinel = new Sentinel({ ...shared, target, ended });
    this.#path = shared.watchPath?.(target, () => ended("silent"));
  }

  get renewWithinMs(): number | undefined {
    return this.#sentinel?.renewWithinMs;
  }

  async run(signal: AbortSignal): Promise<ProbeOutcome> {
    const startedAt = this.#shared.now();
    this.#isRunning = true;
    this.#timings = {};
    const finding = await this.#check(signal, startedAt).catch((error: unknown): Finding => ({
      passed: false,
      reason: failureReason(error),
    }));
    this.#isRunning = false;
    if (finding.passed === true) {
      this.#suspicion = undefined;
      this.#sentinel?.keepOne();
      if (this.#sinceFresh === 0) this.#path?.used();
    } else this.#sentinel?.close();
    const latencyMs = this.#shared.now() - startedAt;
    return finding.passed === undefined ? { ...finding, latencyMs } : { ...finding, latencyMs, timings: this.#timings };
  }

  close(): void {
    this.#path?.close();
    this.#sentinel?.close();
  }

  // --- internal ---

  async #check(signal: AbortSignal, startedAt: number): Promise<Finding> {
    if (signal.aborted) return { passed: false, reason: "aborted" };
    const { options } = this.#shared;
    let step = this.#firstStep;

    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const outcome = await this.#ask(step, signal, startedAt);
      if ("unasked" in outcome) return { passed: undefined, reason: outcome.unasked };
      if ("failed" in outcome) {
        const isUnreachable = "unreachable" in outcome && outcome.unreachable === true;
        return { passed: false, reason: outcome.failed, ...(isUnreachable && { unreachable: true }) };
      }
      const next = redirectStep(outcome.answer, step, options.scheme, this.#target);
      if (next === undefined) {
        const { status } = outcome.answer;
        return { passed: statusPasses(status, options.acceptStatus), reason: `status ${status}` };
      }
      step = next;
    }
    return { passed: false, reason: "too many redirects" };
  }

  /** Over the kept connection where that will do; what that one's end made doubtful is asked again over a new one. */
  async #ask(step: RequestStep, signal: AbortSignal, startedAt: number): Promise<Asked> {
    const request = step === this.#firstStep ? this.#firstRequest : this.#encode(step);
    if ("refused" in request) return { failed: request.refused };

    let doubt = this.#suspicion;
    this.#suspicion = undefined;
    if (this.#keepsAlive && doubt === undefined && this.#sinceFresh < FRESH_EVERY) {
      const kept = this.#sentinel?.take();
      if (kept !== undefined) {
        this.#sinceFresh++;
        const outcome = await this.#askOver(kept, step.method, request, signal, startedAt);
        if (!("failed" in outcome) || outcome.lost === undefined) return outcome;
        doubt = outcome.lost;
      }
    }
    this.#sinceFresh = 0;
    const wire = await this.#dial(doubt, signal, startedAt);
    if (!(wire instanceof Wire)) return refusal(wire);
    this.#timings = wire.timings;
    return this.#askOver(wire, step.method, request, signal, startedAt);
  }

  #dial(doubt: Ending["kind"] | undefined, signal: AbortSignal, startedAt: number): Promise<Dialed> {
    const { tls, openTcpSocket, options, overdue } = this.#shared;
    const common = { target: this.#target, tls, openTcpSocket, ...this.#limits(startedAt) };
    // Where a connection fell silent, there is evidence already: a little more silence than that is enough.
    const shortMs = Math.min(options.connectTimeoutMs, options.sentinelTimeoutMs + 100);
    return dial(
      doubt === "silent"
        ? { ...common, withinMs: shortMs, noAnswer: "answers nothing any more" }
        : { ...common, withinMs: options.connectTimeoutMs, noAnswer: overdue.noAnswer },
      signal,
    );
  }

  async #askOver(
    wire: Wire,
    method: string,
    request: Uint8Array,
    signal: AbortSignal,
    startedAt: number,
  ): Promise<Outcome> {
    const outcome = await exchange(
      wire,
      { ...this.#limits(startedAt), now: this.#shared.now, method, request },
      signal,
    );
    if (outcome.firstByteMs !== undefined) this.#timings = { ...this.#timings, firstByteMs: outcome.firstByteMs };
    if ("answer" in outcome && outcome.reusable) {
      if (this.#keepsAlive) this.#sentinel?.give(wire);
      else wire.close();
    }
    return outcome;
  }

  #encode(step: RequestStep): ReturnType<typeof encodeRequest> {
    return encodeRequest(step, formatEndpoint(this.#target), this.#shared.options.headers, this.#keepsAlive);
  }

  get #keepsAlive(): boolean {
    const { sentinel, freshConnection } = this.#shared.options;
    return sentinel && !freshConnection;
  }

  #limits(startedAt: number): { remainingMs: number; timedOut: string } {
    const { options, overdue, now } = this.#shared;
    return { remainingMs: options.timeoutMs - (now() - startedAt), timedOut: overdue.timedOut };
  }
}

// --- internal ---

const MAX_REDIRECTS = 10;

/** So many checks over a kept connection, then one over a new one. */
const FRESH_EVERY = 4;

type Finding =
  | { readonly passed: true | undefined; readonly reason: string }
  | { readonly passed: false; readonly reason: string; readonly unreachable?: true };

/** An exchange's outcome, or why there was no connection for one. */
type Asked = Outcome | { readonly failed: string; readonly unreachable?: true } | { readonly unasked: string };

function refusal(ending: Exclude<Dialed, Wire>): Asked {
  if (ending.kind === "unasked") return { unasked: ending.reason };
  const failed = ending.kind === "closed" ? "closed without an answer" : ending.reason;
  // Aborted by ourselves, it says nothing about the server.
  return ending.isUnreachable && failed !== "aborted" ? { failed, unreachable: true } : { failed };
}
