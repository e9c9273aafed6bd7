import { describe, expect, test } from "bun:test";
import { conditionOf, countOut, outOfService, unreadiness, worstCondition } from "../../src/domain/in-service.ts";
import type { RealServerStatus, VirtualServerStatus } from "../../src/domain/status.ts";
import { NO_TRAFFIC } from "../../src/domain/virtual-server.ts";

const failed = { passed: false, reason: "status 503", latencyMs: 1, at: "x" } as const;
const passed = { passed: true, reason: "status 200", latencyMs: 1, at: "x" } as const;
const change = { at: "x", from: "healthy", to: "draining", reason: "status 503" } as const;

describe("why a real server takes no new connections", () => {
  test.each([
    ["it does", serverOf("healthy", { weight: 1 }), undefined],
    ["it does, though it fails: fail-open", serverOf("draining", { weight: 1, lastVerdict: failed }), undefined],
    ["it fails", serverOf("draining", { weight: 0, lastVerdict: failed }), { why: "failed" }],
    ["it fails and is gone", serverOf("removed", { lastVerdict: failed }), { why: "failed" }],
    [
      "it passes again, but not often enough",
      serverOf("removed", { lastVerdict: passed, lastTransition: change }),
      { why: "failed" },
    ],
    ["it is new", serverOf("recovering"), { why: "unproved" }],
    ["it was found with weight 0, unchecked still", serverOf("draining", { weight: 0 }), { why: "unproved" }],
    [
      "it shuts down",
      serverOf("draining", { weight: 0, lastVerdict: { ...failed, leaving: true } }),
      { why: "shutting-down" },
    ],
    ["its clients wait", serverOf("healthy", { weight: 0, isUnanswered: true }), { why: "unanswered" }],
    ["its check asks for none", serverOf("healthy", { weight: 0, lastVerdict: passed }), { why: "set-aside" }],
    ["the table lacks it", serverOf("healthy", { lastVerdict: passed }), { why: "unwritten" }],
    [
      "alice drained it",
      serverOf("drained", { health: "healthy", weight: 0, hold: { since: "x", drained: true, by: "alice" } }),
      { why: "drained", by: "alice" },
    ],
    [
      "somebody drained it, and it fails",
      serverOf("drained", { health: "removed", hold: { since: "x", drained: true } }),
      { why: "drained", by: "an operator" },
    ],
    [
      "its agent drains it",
      serverOf("drained", { health: "healthy", weight: 0, asked: { hold: "drain" } }),
      { why: "drained", by: "its agent" },
    ],
    [
      "the file drains it",
      serverOf("drained", { health: "healthy", weight: 0, drainedByConfiguration: true }),
      { why: "drained", by: "the configuration" },
    ],
    ["it is listed no longer", serverOf("leaving", { weight: 0 }), { why: "leaving" }],
    ["it never was", serverOf("unlisted", { weight: 0 }), { why: "unlisted" }],
    ["nobody cares for it", serverOf("unknown", { weight: 0 }), { why: "unknown" }],
  ] as const)("%s", (_, server, why) => {
    expect(outOfService(server)).toEqual(why as ReturnType<typeof outOfService>);
  });

  test("is counted, the most telling first", () => {
    const leaving = serverOf("leaving", { weight: 0 });
    const gone = serverOf("removed", { lastVerdict: failed });
    expect([...countOut([leaving, gone, serverOf("healthy", { weight: 1 }), gone])]).toEqual([
      ["failed", 2],
      ["leaving", 1],
    ]);
  });
});

describe("how well a virtual server serves", () => {
  const well = serverOf("healthy", { weight: 1 });
  const gone = serverOf("removed", { lastVerdict: failed });
  const drained = serverOf("drained", { health: "healthy", weight: 0, drainedByConfiguration: true });

  test.each([
    ["all are in service", [well, well], "serving"],
    ["who is not was drained, or leaves", [well, drained, serverOf("leaving", { weight: 0 })], "serving"],
    ["one fails", [well, gone], "degraded"],
    ["one climbs", [well, serverOf("recovering", { weight: 1 })], "degraded"],
    ["one is new", [well, serverOf("recovering")], "degraded"],
    ["a check asks for no clients", [well, serverOf("healthy", { weight: 0 })], "serving"],
    ["all fail", [gone, gone], "nobody"],
    ["all are drained", [drained], "nobody"],
    ["there is none", [], "nobody"],
  ] as const)("%s", (_, servers, condition) => {
    expect(conditionOf(statusOf(servers))).toBe(condition);
  });

  test("fail-open and the last resort are the same to clients, unless nobody is left", () => {
    const failing = serverOf("draining", { weight: 1, lastVerdict: failed });
    const failOpen = { since: "x", healthy: 1, total: 3 };
    const lastResort = { since: "x", total: 1, held: [failing.address] };
    expect(conditionOf({ ...statusOf([well, failing]), failOpen })).toBe("fail-open");
    expect(conditionOf({ ...statusOf([failing]), lastResort })).toBe("fail-open");
    expect(conditionOf({ ...statusOf([gone]), failOpen })).toBe("nobody");
  });

  test("who is in service is no use where nobody answers through the virtual address", () => {
    const lost = { answers: false, since: "x", at: "x", latencyMs: 2000, problem: "connect timed out" };
    expect(conditionOf({ ...statusOf([well]), way: lost })).toBe("degraded");
    expect(conditionOf({ ...statusOf([well]), way: { ...lost, answers: true } })).toBe("serving");
    expect(unreadiness({ ...statusOf([well]), way: lost })).toBe(
      "no answer through the virtual address: connect timed out",
    );
    expect(unreadiness({ ...statusOf([well]), way: lost, leaving: true })).toBeUndefined();
  });

  test("nobody knows without a daemon, unless clients are not served", () => {
    const { daemon: _, ...unattended } = statusOf([serverOf("unknown", { weight: 1 })]);
    expect(conditionOf(unattended)).toBeUndefined();
    expect(conditionOf({ ...unattended, realServers: [serverOf("unknown", { weight: 0 })] })).toBe("nobody");
  });

  test("a process is as well as the worst of its virtual servers that stay", () => {
    expect(worstCondition([statusOf([well]), statusOf([well, gone])])).toBe("degraded");
    expect(worstCondition([statusOf([well]), { ...statusOf([gone]), leaving: true }])).toBe("serving");
    expect(worstCondition([])).toBeUndefined();
  });
});

// --- internal ---

function serverOf(state: RealServerStatus["state"], others: Partial<RealServerStatus> = {}): RealServerStatus {
  return { address: "10.0.0.2:80", state, activeConnections: 0, inactiveConnections: 0, ...others };
}

function statusOf(realServers: readonly RealServerStatus[]): VirtualServerStatus {
  return {
    address: "10.0.0.1:80",
    protocol: "tcp",
    scheduler: "rr",
    dataPlane: { kind: "ipvs", via: "libnl" },
    stats: NO_TRAFFIC,
    realServers,
    daemon: { version: "1", pid: 1, startedAt: "x", state: "serving", applies: 0, repairs: 0, intervalMs: 1000 },
  };
}
