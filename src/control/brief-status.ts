import type { RealServerStatus, VerdictStatus, VirtualServerStatus } from "../domain/status.ts";
import type { TrafficStats } from "../domain/virtual-server.ts";
import type { WithRealServers } from "./status-change.ts";

/**
 * A status as the page shows it, without what is looked at seldom, which can be asked for apart. Times of checks are in
 * it where they are late alone, and latencies with two digits: others would change with every check.
 */
export function briefStatus(status: VirtualServerStatus, nowMs: number): BriefStatus {
  const { daemon, realServers, stats } = status;
  const lateMs = Math.max(SHORTEST_LATE_MS, LATE_INTERVALS * (daemon?.intervalMs ?? 0));
  return {
    ...status,
    stats: briefStats(stats),
    realServers: realServers.map((server) => briefServer(server, nowMs - lateMs)),
  };
}

// --- internal ---

type BriefServer = Partial<Record<keyof RealServerStatus, unknown>> & { readonly address: string };

interface BriefStatus extends WithRealServers, Partial<Record<keyof VirtualServerStatus, unknown>> {
  readonly realServers: readonly BriefServer[];
}

/** Servers that are down may be checked more seldom. */
const LATE_INTERVALS = 3;
const SHORTEST_LATE_MS = 15_000;

function briefServer(server: RealServerStatus, lateBeforeMs: number): BriefServer {
  const { certificate, lastVerdict, stats, ...others } = server;
  return {
    ...others,
    checks: undefined,
    forwarding: undefined,
    lastTransition: undefined,
    lastRequest: undefined,
    ...(stats && { stats: briefStats(stats) }),
    ...(lastVerdict && { lastVerdict: briefVerdict(lastVerdict, lateBeforeMs) }),
    ...(certificate && { certificate: { notAfter: certificate.notAfter } }),
  };
}

function briefVerdict(verdict: VerdictStatus, lateBeforeMs: number): object {
  const { passed, reason, latencyMs, at } = verdict;
  return {
    passed,
    reason,
    ...("leaving" in verdict && { leaving: true }),
    latencyMs: Number(latencyMs.toPrecision(2)),
    ...(Date.parse(at) < lateBeforeMs && { at }),
  };
}

function briefStats({ connections, inBytes, outBytes }: TrafficStats): object {
  return { connections, bytes: inBytes + outBytes };
}
