import { expect, test } from "bun:test";
import {
  healthCode,
  type RealServerStatus,
  type StatusReport,
  type VirtualServerStatus,
} from "../../src/domain/status.ts";
import { NO_TRAFFIC } from "../../src/domain/virtual-server.ts";

test.each([
  ["all are healthy", [["healthy", "healthy"]], 0],
  ["some are not", [["healthy", "draining"]], 1],
  ["one comes back", [["healthy", "recovering"]], 1],
  ["none is", [["removed", "draining"]], 2],
  ["one of two virtual servers has none", [["healthy"], ["removed"]], 2],
  ["others stand there, too", [["healthy", "unlisted"]], 0],
  ["there is nothing", [], 3],
] as const)("the exit code when %s", (_, virtualServers, code) => {
  expect(healthCode(reportOf(virtualServers.map((states) => statusOf(states))))).toBe(code);
});

test("fail-open counts as nobody healthy, and no daemon as nothing known", () => {
  const failOpen = { since: "x", healthy: 1, total: 3 };
  expect(healthCode(reportOf([{ ...statusOf(["healthy"]), failOpen }]))).toBe(2);
  const { daemon: _, ...unattended } = statusOf(["healthy"]);
  expect(healthCode(reportOf([unattended]))).toBe(3);
});

// --- internal ---

function reportOf(virtualServers: readonly VirtualServerStatus[]): StatusReport {
  return { source: "daemons", notes: [], virtualServers };
}

function statusOf(states: readonly RealServerStatus["state"][]): VirtualServerStatus {
  return {
    address: "10.0.0.1:80",
    protocol: "tcp",
    scheduler: "rr",
    dataPlane: { kind: "ipvs", via: "libnl" },
    stats: NO_TRAFFIC,
    realServers: states.map((state) => ({
      address: "10.0.0.2:80",
      state,
      activeConnections: 0,
      inactiveConnections: 0,
    })),
    daemon: {
      version: "1",
      pid: 1,
      startedAt: "x",
      state: "serving",
      applies: 0,
      repairs: 0,
      intervalMs: 1000,
    },
  };
}
