import { expect, test } from "bun:test";
import type { TimedEvent } from "../../src/app/events.ts";
import { linesOf, OutTimes } from "../../src/cli/event-lines.ts";
import type { RealServerState } from "../../src/domain/health.ts";

test("many that change alike at the same time are one line", () => {
  const servers = Array.from({ length: 200 }, (_, at) => `10.0.0.${at}:80`);
  const out = servers.map((server, at) => change(server, "healthy", "draining", at));
  const back = servers.map((server, at) => change(server, "draining", "healthy", 5000 + 2 * at));
  expect(messagesOf([...out, ...back])).toEqual([
    "200 real servers → draining: status 503 (10.0.0.0:80, 10.0.0.1:80, 10.0.0.2:80, …)",
    "200 real servers → healthy: status 200 (10.0.0.0:80, 10.0.0.1:80, 10.0.0.2:80, …), out for 5s",
  ]);
});

test("a few are told one by one, with how long each was out", () => {
  const events = [
    change("a", "healthy", "draining", 0),
    change("a", "draining", "removed", 1000),
    change("a", "removed", "recovering", 11_000),
    change("a", "recovering", "healthy", 12_400),
    change("b", "recovering", "healthy", 12_500),
  ];
  expect(messagesOf(events)).toEqual([
    "real server a healthy → draining: status 503 (found in 1ms)",
    "real server a draining → removed: status 503 (found in 1ms)",
    "real server a removed → recovering: status 503 (found in 1ms)",
    "real server a recovering → healthy: status 200 (found in 1ms), out for 12s",
    "real server b recovering → healthy: status 200 (found in 1ms)",
  ]);
});

test("who goes out and in again and again is one line, at the time of the last change", () => {
  const flaps = Array.from({ length: 5 }, (_, at) => [
    change("a", "healthy", "draining", at * 20_000),
    change("a", "draining", "healthy", at * 20_000 + 4000),
  ]).flat();
  const other = change("b", "healthy", "draining", 50_000);
  const lines = linesOf(new OutTimes().tell(inOrder([...flaps, other])));
  expect(lines.map(({ message }) => message)).toEqual([
    "real server b healthy → draining: status 503 (found in 1ms)",
    "real server a flaps: 5 times out in 1m24s, for 20s altogether, healthy now; status 503",
  ]);
  expect(lines[1]?.at).toBe(timeOf(84_000));
  // Once a day is no flapping.
  const seldom = flaps.map((event, at) => ({ ...event, sinceBootMs: at * 86_400_000 }));
  expect(messagesOf(seldom)).toHaveLength(10);
});

test("other virtual servers' are told apart, and so is what comes later", () => {
  const events = ["a", "b", "c", "d"].map((server, at) => ({
    ...change(server, "healthy", "draining", at < 3 ? 0 : 60_000),
    virtualServer: "10.0.0.1:80",
  }));
  const others = ["a", "b", "c"].map((server) => change(server, "healthy", "draining", 0));
  expect(messagesOf(inOrder([...events, ...others]))).toEqual([
    "3 real servers → draining: status 503 (a, b, c)",
    "3 real servers → draining: status 503 (a, b, c)",
    "real server d healthy → draining: status 503 (found in 1ms)",
  ]);
});

test("what is told of a server again and again is one line, and what differs is not lost", () => {
  const failed = (message: string, atMs: number): TimedEvent => {
    const { from: _, to: __, ...event } = change("a", "healthy", "draining", atMs);
    return { ...event, type: "realServer.probed", message };
  };
  const events = [0, 5000, 10_000].map((atMs) => failed("check of a failed: refused", atMs));
  expect(messagesOf([...events, failed("check of a failed: status 503", 15_000)])).toEqual([
    "check of a failed: refused, 3 times in 10s",
    "check of a failed: status 503",
  ]);
});

// --- internal ---

function messagesOf(events: readonly TimedEvent[]): readonly string[] {
  return linesOf(new OutTimes().tell(events)).map(({ message }) => message);
}

function inOrder(events: readonly TimedEvent[]): readonly TimedEvent[] {
  return events.toSorted((a, b) => a.sinceBootMs - b.sinceBootMs);
}

function timeOf(atMs: number): string {
  return new Date(Date.parse("2026-11-24T02:00:00Z") + atMs).toISOString();
}

function change(server: string, from: RealServerState, to: RealServerState, atMs: number): TimedEvent {
  const passed = to === "healthy";
  const reason = passed ? "status 200" : "status 503";
  return {
    id: atMs,
    at: timeOf(atMs),
    sinceBootMs: atMs,
    level: "info",
    type: "realServer.healthChanged",
    message: `real server ${server} ${from} → ${to}: ${reason}`,
    server,
    from,
    to,
    verdict: passed ? { passed, reason, latencyMs: 1 } : { passed, reason, latencyMs: 1 },
    virtualServer: "10.0.0.9:80",
    virtualServerProtocol: "tcp",
  };
}
