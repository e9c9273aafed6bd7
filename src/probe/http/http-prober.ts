import type { HttpProbeOptions } from "../../config/care-options.ts";
import { formatDuration } from "../../domain/duration.ts";
import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { Prober } from "../prober.ts";
import { tlsPolicy, type TlsPolicy } from "./certificate.ts";
import { exchange, type OpenTcpSocket } from "./exchange.ts";
import { failureReason } from "./failure-reasons.ts";
import { redirectStep } from "./redirect.ts";
import { encodeRequest, type RequestStep } from "./request.ts";
import { statusPasses } from "./status-rule.ts";

export interface HttpProberPorts {
  readonly openTcpSocket: OpenTcpSocket;
  /** PEM certificates to trust instead of this system's, when certificates are checked. */
  readonly trustedRoots?: readonly string[];
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Probes by one HTTP request over a connection of its own, with TLS or without. Passes when the final status is below 400 or accepted
 * besides; redirects within the same real server are followed. Proxy settings of the environment have no say.
 */
export function createHttpProber(options: HttpProbeOptions, ports: HttpProberPorts): Prober {
  const now = ports.now ?? (() => performance.now());
  const tls = options.scheme === "https" ? tlsPolicy({ ...options, trustedRoots: ports.trustedRoots }) : undefined;
  const run: Run = { options, tls, openTcpSocket: ports.openTcpSocket, now };

  return {
    probe: async (target, signal) => {
      const startedAt = now();
      const finding = await probeOnce(run, target, signal, startedAt).catch((error: unknown): Finding => ({
        passed: false,
        reason: failureReason(error),
      }));
      return { ...finding, latencyMs: now() - startedAt };
    },
  };
}

// --- internal ---

const MAX_REDIRECTS = 10;

interface Run {
  readonly options: HttpProbeOptions;
  readonly tls: TlsPolicy | undefined;
  readonly openTcpSocket: OpenTcpSocket;
  readonly now: () => number;
}

type Finding =
  | { readonly passed: true | undefined; readonly reason: string }
  | { readonly passed: false; readonly reason: string; readonly unreachable?: true };

async function probeOnce(run: Run, target: Endpoint, signal: AbortSignal, startedAt: number): Promise<Finding> {
  const { options, tls, openTcpSocket, now } = run;
  const { timeoutMs, connectTimeoutMs } = options;
  let step: RequestStep = { method: options.method || "GET", path: options.path, body: options.body };

  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const request = encodeRequest(step, formatEndpoint(target), options.headers);
    if ("refused" in request) return { passed: false, reason: request.refused };

    const outcome = await exchange(
      {
        target,
        method: step.method,
        request,
        tls,
        connectTimeoutMs,
        remainingMs: timeoutMs - (now() - startedAt),
        timedOut: `timed out after ${formatDuration(timeoutMs)}`,
      },
      openTcpSocket,
      signal,
    );
    if ("unasked" in outcome) return { passed: undefined, reason: outcome.unasked };
    if ("failed" in outcome) {
      return { passed: false, reason: outcome.failed, ...(outcome.unreachable && { unreachable: true }) };
    }

    const next = redirectStep(outcome.answer, step, options.scheme, target);
    if (next === undefined) {
      const { status } = outcome.answer;
      return { passed: statusPasses(status, options.acceptStatus), reason: `status ${status}` };
    }
    step = next;
  }
  return { passed: false, reason: "too many redirects" };
}
