import { expect, test } from "bun:test";
import { healthCode } from "../../src/domain/in-service.ts";
import type { RealServerStatus, StatusReport, VirtualServerStatus } from "../../src/domain/status.ts";
import { NO_TRAFFIC } from "../../src/domain/virtual-server.ts";

test.each([
  ["all are healthy", [["healthy", "healthy"]], 0],
  ["some are not", [["healthy", "draining"]], 1],
  ["one comes back", [["healthy", "recovering"]], 1],
  ["none is", [["removed", "draining"]], 2],
  ["one of two virtual servers has none", [["healthy"], ["removed"]], 2],
  ["others stand there, too", [["healthy", "unlisted"]], 0],
  ["some are drained or leave", [["healthy", "drained", "leaving"]], 0],
  ["all are drained", [["drained", "drained"]], 2],
  ["there is nothing", [], 3],
] as const)("the exit code when %s", (_, virtualServers, code) => {
  expect(healthCode(reportOf(virtualServers.map((states) => statusOf(states))))).toBe(code);
});

test("fail-open, the last resort, a data plane that takes nothing and a way that is lost count as nobody healthy, a suspicious probe as some unhealthy, and no daemon as nothing known", () => {
  const failOpen = { since: "x", healthy: 1, total: 3 };
  expect(healthCode(reportOf([{ ...statusOf(["healthy"]), failOpen }]))).toBe(2);
  const lastResort = { since: "x", total: 1, held: ["10.0.0.1:80"] };
  expect(healthCode(reportOf([{ ...statusOf(["healthy"]), lastResort }]))).toBe(2);
  const suspicion = { since: "x", reason: "status 404", servers: ["10.0.0.2:80"] };
  expect(healthCode(reportOf([{ ...statusOf(["healthy"]), suspicion }]))).toBe(1);
  const { daemon } = statusOf(["healthy"]);
  const failing = { since: "x", message: "not permitted" };
  expect(healthCode(reportOf([{ ...statusOf(["healthy"]), ...(daemon && { daemon: { ...daemon, failing } }) }]))).toBe(
    2,
  );
  const way = { answers: false, since: "x", at: "x", latencyMs: 2000, problem: "connect timed out" };
  expect(healthCode(reportOf([{ ...statusOf(["healthy"]), way }]))).toBe(2);
  const { daemon: _, ...unattended } = statusOf(["healthy"]);
  expect(healthCode(reportOf([unattended]))).toBe(3);
});

test("nobody is in service where checks ask that nobody be", () => {
  const asking = (...weights: readonly number[]): VirtualServerStatus => {
    const status = statusOf(weights.map(() => "healthy"));
    return {
      ...status,
      realServers: status.realServers.map((one, index) => ({ ...one, weight: weights[index] ?? 1 })),
    };
  };
  expect(healthCode(reportOf([asking(0, 0)]))).toBe(2);
  expect(healthCode(reportOf([asking(0, 3)]))).toBe(0);
});

test("who is healthy and yet not in service, unasked, is no better than one that fails", () => {
  const beside = (other: Partial<RealServerStatus>): StatusReport => {
    const status = statusOf(["healthy", "healthy"]);
    return reportOf([
      { ...status, realServers: status.realServers.map((one, index) => (index === 0 ? one : { ...one, ...other })) },
    ]);
  };
  expect(healthCode(beside({ weight: 0, isUnanswered: true }))).toBe(1);
  expect(healthCode(beside({ weight: 0 }))).toBe(0);
});

test("a daemon that was asked for and says nothing is as bad as none", () => {
  const report = reportOf([statusOf(["healthy"])]);
  expect(healthCode(report, ["10.0.0.1:80"])).toBe(0);
  expect(healthCode(report, ["10.0.0.1:80", "10.0.0.9:80"])).toBe(3);
  const beside = { ...report, notes: ["the daemon at /run/lvscare/x.sock does not answer"] };
  expect(healthCode(beside)).toBe(3);
  // That of another virtual server is nobody's affair who asked for this one.
  expect(healthCode(beside, ["10.0.0.1:80"])).toBe(0);
});

test("who is drained by an operator is no failure, and nobody's help", () => {
  const drained = (states: readonly RealServerStatus["state"][], ...which: readonly number[]): VirtualServerStatus => {
    const status = statusOf(states);
    const hold = { since: "x", drained: true };
    return {
      ...status,
      realServers: status.realServers.map((server, at) =>
        which.includes(at) ? { ...server, weight: 0, hold } : server,
      ),
    };
  };
  const code = (...statuses: readonly VirtualServerStatus[]): number => healthCode(reportOf(statuses));
  expect(code(drained(["healthy", "healthy"], 0))).toBe(0);
  expect(code(drained(["healthy", "removed"], 1))).toBe(0);
  expect(code(drained(["healthy", "removed"], 0))).toBe(2);
  expect(code(drained(["healthy", "healthy"], 0, 1))).toBe(2);
});

// --- internal ---

/** As they usually are. */
const WITH_WEIGHT: readonly string[] = ["healthy", "recovering"];

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
      ...(WITH_WEIGHT.includes(state) && { weight: 1 }),
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
