import type { RealServerStatus, StatusReport, VirtualServerStatus } from "../../../src/domain/status.ts";
import { NO_TRAFFIC } from "../../../src/domain/virtual-server.ts";

/** The time of the made-up reports. */
export const NOW = new Date("2026-11-24T02:40:00Z");

/** A virtual server at 10.96.<at>.1:80 with so many real servers, the last ones of which fail. */
export function virtualServerWith(at: number, count: number, failing = 0): VirtualServerStatus {
  return {
    address: `10.96.${at}.1:80`,
    protocol: "tcp",
    scheduler: "rr",
    dataPlane: { kind: "ipvs", via: "libnl" },
    stats: NO_TRAFFIC,
    realServers: Array.from({ length: count }, (_, index) =>
      index < count - failing ? healthyServer(at, index) : failedServer(at, index),
    ),
    way: { answers: true, since: SINCE, at: SINCE, latencyMs: 0.4 },
    reach: { mode: "route", objects: [{ name: "route", state: "stands", since: SINCE }] },
    daemon: {
      version: "0.1.0",
      pid: 812,
      startedAt: SINCE,
      state: "serving/settled",
      applies: 4,
      repairs: 0,
      intervalMs: 5000,
    },
  };
}

export function healthyServer(at: number, index: number): RealServerStatus {
  return {
    address: addressOf(at, index),
    state: "healthy",
    health: "healthy",
    weight: 1,
    activeConnections: index,
    inactiveConnections: 0,
    stateSince: SINCE,
    lastVerdict: { passed: true, reason: "status 200", latencyMs: 1 + ((index * 7) % 50), at: "2026-11-24T02:39:58Z" },
  };
}

export function failedServer(at: number, index: number): RealServerStatus {
  const changed = "2026-11-24T02:39:00Z";
  return {
    address: addressOf(at, index),
    state: "removed",
    health: "removed",
    activeConnections: 0,
    inactiveConnections: 0,
    stateSince: changed,
    lastVerdict: { passed: false, reason: "connect refused", latencyMs: 0.2, at: "2026-11-24T02:39:58Z" },
    lastTransition: { at: changed, from: "draining", to: "removed", reason: "connect refused" },
  };
}

export function reportOf(virtualServers: readonly VirtualServerStatus[]): StatusReport {
  return { source: "daemons", notes: [], virtualServers };
}

// --- internal ---

const SINCE = "2026-11-23T22:39:00Z";

function addressOf(at: number, index: number): string {
  return `10.${at}.${Math.floor(index / 200)}.${(index % 200) + 1}:8080`;
}
