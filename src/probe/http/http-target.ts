import type { HttpProbeOptions } from "../../config/care-options.ts";
import { formatDuration } from "../../domain/duration.ts";
import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { Probe } from "../prober.ts";
import type { TlsPolicy } from "./certificate.ts";
import { confirmDial } from "./confirm-dial.ts";
import { Exchange, type Outcome } from "./exchange.ts";
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
  readonly now: () => number;
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
  /** How the sentinel ended, until the next check has judged it. */
  #suspicion: Ending["kind"] | undefined;
  #isRunning = false;
  #sinceFresh = 0;

  constructor(target: Endpoint, shared: HttpTargetOptions, suspect: () => void) {
    this.#target = target;
    this.#shared = shared;
    if (!shared.options.sentinel) return;
    this.#sentinel = new Sentinel({
      ...shared,
      target,
      ended: (kind) => {
        this.#suspicion = kind;
        if (!this.#isRunning) suspect();
      },
    });
  }

  get renewWithinMs(): number | undefined {
    return this.#sentinel?.renewWithinMs;
  }

  async run(signal: AbortSignal): Promise<ProbeOutcome> {
    const startedAt = this.#shared.now();
    this.#isRunning = true;
    const finding = await this.#check(signal, startedAt).catch((error: unknown): Finding => ({
      passed: false,
      reason: failureReason(error),
    }));
    this.#isRunning = false;
    if (finding.passed === true) {
      this.#suspicion = undefined;
      this.#sentinel?.keepOne();
    } else this.#sentinel?.close();
    return { ...finding, latencyMs: this.#shared.now() - startedAt };
  }

  close(): void {
    this.#sentinel?.close();
  }

  // --- internal ---

  async #check(signal: AbortSignal, startedAt: number): Promise<Finding> {
    if (signal.aborted) return { passed: false, reason: "aborted" };
    const { options } = this.#shared;
    let step: RequestStep = { method: options.method || "GET", path: options.path, body: options.body };

    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const outcome = await this.#ask(step, signal, startedAt);
      if ("unasked" in outcome) return { passed: undefined, reason: outcome.unasked };
      if ("failed" in outcome) {
        return { passed: false, reason: outcome.failed, ...(outcome.unreachable && { unreachable: true }) };
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
  async #ask(step: RequestStep, signal: AbortSignal, startedAt: number): Promise<Outcome> {
    const { options } = this.#shared;
    const keeps = this.#sentinel !== undefined && !options.freshConnection;
    const request = encodeRequest(step, formatEndpoint(this.#target), options.headers, keeps);
    if ("refused" in request) return { failed: request.refused };

    let doubt = this.#suspicion;
    this.#suspicion = undefined;
    const kept = keeps && doubt === undefined && this.#sinceFresh < FRESH_EVERY ? this.#sentinel?.take() : undefined;
    if (kept !== undefined) {
      this.#sinceFresh++;
      const exchange = new Exchange({ ...this.#limits(startedAt), method: step.method, request }, signal);
      exchange.use(kept);
      const outcome = await this.#keep(kept, exchange);
      if (!("failed" in outcome) || outcome.lost === undefined) return outcome;
      doubt = outcome.lost;
    }
    this.#sinceFresh = 0;
    return this.#askAnew({ method: step.method, request, doubt }, signal, startedAt);
  }

  async #askAnew(
    { method, request, doubt }: { method: string; request: Uint8Array; doubt: Ending["kind"] | undefined },
    signal: AbortSignal,
    startedAt: number,
  ): Promise<Outcome> {
    const { tls, openTcpSocket, options } = this.#shared;
    if (doubt === "silent") {
      const dial = { target: this.#target, tls, openTcpSocket, connectTimeoutMs: options.connectTimeoutMs };
      const wire = await confirmDial({ ...dial, withinMs: confirmWithinMs(options) }, signal);
      if (!(wire instanceof Wire)) return refusal(wire);
      const exchange = new Exchange({ ...this.#limits(startedAt), method, request }, signal);
      exchange.use(wire);
      return this.#keep(wire, exchange);
    }
    const { connectTimeoutMs } = options;
    const exchange = new Exchange({ ...this.#limits(startedAt), connectTimeoutMs, method, request }, signal);
    const wire = new Wire(this.#target, tls, exchange);
    exchange.await(wire);
    wire.open(openTcpSocket);
    return this.#keep(wire, exchange);
  }

  async #keep(wire: Wire, exchange: Exchange): Promise<Outcome> {
    const outcome = await exchange.outcome;
    if ("answer" in outcome && outcome.reusable) {
      if (this.#sentinel === undefined || this.#shared.options.freshConnection) wire.close();
      else this.#sentinel.give(wire);
    }
    return outcome;
  }

  #limits(startedAt: number): { connectTimeoutMs: undefined; remainingMs: number; timedOut: string } {
    const { timeoutMs } = this.#shared.options;
    return {
      connectTimeoutMs: undefined,
      remainingMs: timeoutMs - (this.#shared.now() - startedAt),
      timedOut: `timed out after ${formatDuration(timeoutMs)}`,
    };
  }
}

// --- internal ---

const MAX_REDIRECTS = 10;

/** So many checks over a kept connection, then one over a new one. */
const FRESH_EVERY = 4;

type Finding =
  | { readonly passed: true | undefined; readonly reason: string }
  | { readonly passed: false; readonly reason: string; readonly unreachable?: true };

/** A little more than the silence that made the server suspect. */
function confirmWithinMs({ sentinelTimeoutMs, connectTimeoutMs }: HttpProbeOptions): number {
  return Math.min(connectTimeoutMs, sentinelTimeoutMs + 100);
}

function refusal(ending: Ending): Outcome {
  if (ending.kind === "unasked") return { unasked: ending.reason };
  return { failed: ending.kind === "closed" ? "closed without an answer" : ending.reason, unreachable: true };
}
