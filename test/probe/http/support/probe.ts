import { expect } from "bun:test";
import { acknowledgementOf, openTcpSocket, watchSilence } from "#native";
import type { HttpProbeOptions } from "../../../../src/config/care-options.ts";
import type { TlsSettings } from "../../../../src/config/probe-kinds/tls-settings.ts";
import { monotonicClock, type EventLoopClock } from "../../../../src/probe/clock.ts";
import type { Endpoint } from "../../../../src/domain/endpoint.ts";
import { withoutCertificate, type ProbeOutcome } from "../../../../src/domain/health.ts";
import type { Probe } from "../../../../src/probe/prober.ts";
import { createHttpProber, type SocketPorts } from "../../../../src/probe/http/http-prober.ts";

export const OPTIONS: HttpProbeOptions = {
  type: "http",
  scheme: "http",
  path: "/healthz",
  method: "GET",
  body: "",
  headers: [],
  tokenFile: undefined,
  headersFile: undefined,
  acceptStatus: [],
  expectHeaders: [],
  expectBody: undefined,
  drainOn: [],
  failAtOnce: [],
  followRedirects: true,
  tls: {
    verify: "none",
    caFile: undefined,
    certFile: undefined,
    keyFile: undefined,
    serverName: undefined,
    alpn: [],
  },
  // Longer than other work holds up a test and its servers.
  timeoutMs: 60_000,
  connectTimeoutMs: 30_000,
  sentinel: false,
  sentinelTimeoutMs: 300,
  sentinelWorthMs: 1000,
  freshConnection: false,
};

/** Verifies certificates against what a test trusts. */
export const VERIFYING: TlsSettings = { ...OPTIONS.tls, verify: "full" };

/** One probe with the real sockets, of which a test says only what it is about. */
export function probe(
  target: Endpoint,
  options: Partial<HttpProbeOptions> = {},
  ports: Partial<SocketPorts> = {},
): Promise<ProbeOutcome> {
  return check(openProbe(target, options, ports));
}

/** Without what it says of a certificate: `certificates.test.ts` is about that. */
export async function check(probe: Probe): Promise<ProbeOutcome> {
  const outcome = await checkWithCertificate(probe);
  return outcome.passed === undefined ? outcome : withoutCertificate(outcome);
}

export function checkWithCertificate(probe: Probe): Promise<ProbeOutcome> {
  return new Promise((resolve) => probe.check(resolve));
}

export function openProbe(
  target: Endpoint,
  options: Partial<HttpProbeOptions> = {},
  ports: Partial<SocketPorts> = {},
  suspect: () => void = () => undefined,
): Probe {
  return createHttpProber(
    { ...OPTIONS, ...options },
    { openTcpSocket, watchSilence, acknowledgementOf, ...ports },
  ).open(target, suspect);
}

/** The time of this process, but for what it shows. */
export function clockShowing(now: () => number): EventLoopClock {
  return { ...monotonicClock, now };
}

export function passed(reason: string): ProbeOutcome {
  return { passed: true, reason, latencyMs: expect.any(Number), timings: expect.any(Object) };
}

/** Failed without even a connection. */
export function unreachable(reason: string): ProbeOutcome {
  return { passed: false, reason, unreachable: true, latencyMs: expect.any(Number), timings: expect.any(Object) };
}

export function failed(reason: string): ProbeOutcome {
  return { passed: false, reason, latencyMs: expect.any(Number), timings: expect.any(Object) };
}

/** A text of this length in which no part looks like another. */
export function numbers(length: number): string {
  return Array.from({ length: Math.ceil(length / 8) }, (_, i) => String(i).padStart(8, "0"))
    .join("")
    .slice(0, length);
}
