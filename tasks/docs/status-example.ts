import { createPaint } from "../../src/cli/colour.ts";
import { renderStatus } from "../../src/cli/status-table.ts";
import { withService } from "../../src/domain/in-service.ts";
import type { RealServerStatus, VirtualServerStatus } from "../../src/domain/status.ts";
import { NO_TRAFFIC } from "../../src/domain/virtual-server.ts";

/** A made-up virtual server whose second real server has just failed, as `lvscare status` shows it. */
export function statusExample(): string {
  const text = renderStatus(
    { source: "daemons", notes: [], virtualServers: [withService(VIRTUAL_SERVER)] },
    { now: NOW, paint: createPaint(false), width: undefined, wide: false },
  );
  return `\`\`\`console\n$ lvscare status\n${text.trimEnd()}\n\`\`\``;
}

// --- internal ---

const NOW = new Date("2026-11-24T02:40:00Z");

const VIRTUAL_SERVER: VirtualServerStatus = {
  address: "10.103.97.12:6443",
  protocol: "tcp",
  scheduler: "rr",
  dataPlane: { kind: "ipvs", via: "libnl" },
  stats: NO_TRAFFIC,
  realServers: [
    healthy("192.168.0.2:6443", 3.2, 12),
    draining("192.168.0.3:6443"),
    healthy("192.168.0.4:6443", 2.7, 9),
  ],
  reach: {
    mode: "route",
    objects: ["route", "expire_nodest_conn", "expire_quiescent_template", "conn_reuse_mode", "sloppy_tcp"].map(
      (name) => ({
        name,
        state: "stands",
        since: secondsAgo(180),
      }),
    ),
  },
  way: { answers: true, latencyMs: 0.4, at: secondsAgo(30), since: secondsAgo(180) },
  daemon: {
    version: "0.1.0",
    pid: 4711,
    startedAt: secondsAgo(180),
    state: "serving/settled",
    applies: 6,
    repairs: 0,
    intervalMs: 5000,
  },
};

function healthy(address: string, latencyMs: number, activeConnections: number): RealServerStatus {
  return {
    address,
    state: "healthy",
    weight: 1,
    forwarding: "masquerade",
    activeConnections,
    inactiveConnections: 5,
    stats: NO_TRAFFIC,
    stateSince: secondsAgo(178),
    lastVerdict: { passed: true, reason: "status 200", latencyMs, at: secondsAgo(1) },
  };
}

function draining(address: string): RealServerStatus {
  const reason = "connect refused";
  return {
    ...healthy(address, 0, 2),
    state: "draining",
    weight: 0,
    stateSince: secondsAgo(2),
    lastVerdict: { passed: false, reason, latencyMs: 0.2, at: secondsAgo(2) },
    lastTransition: { at: secondsAgo(2), from: "healthy", to: "draining", reason },
  };
}

function secondsAgo(seconds: number): string {
  return new Date(NOW.getTime() - seconds * 1000).toISOString();
}
