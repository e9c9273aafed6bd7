import { expect, test } from "bun:test";
import { REMEMBERED_CHECKS } from "../../src/domain/check-marks.ts";
import { CheckHistory } from "../../src/events/check-history.ts";

const SERVER = "10.0.0.1:80";
const passed = (latencyMs: number) => ({ passed: true as const, reason: "ok", latencyMs });
const failed = (reason: string) => ({ passed: false as const, reason, latencyMs: 3 });

test("remembers the last sixty checks of each server, a character each, and tells those that are new", () => {
  const history = new CheckHistory();
  expect(history.since(SERVER, 0)).toEqual({ count: 0, marks: "" });
  for (let at = 0; at < 100; at++) history.note(SERVER, passed(1), at);
  const { count, marks } = history.since(SERVER, 0);
  expect([count, marks.length, new Set(marks).size]).toEqual([100, REMEMBERED_CHECKS, 1]);
  history.note(SERVER, failed("status 503"), 100);
  history.note(SERVER, { ...failed("status 503"), leaving: true }, 101);
  history.note(SERVER, { passed: undefined, reason: "too many open files", latencyMs: 0 }, 102);
  expect(history.since(SERVER, count)).toEqual({ count: 103, marks: "!%#" });
  expect(history.since(SERVER, 103)).toEqual({ count: 103, marks: "" });
  history.keepOnly(new Set());
  expect([...history.servers()]).toEqual([]);
});

test("tells slower checks by later characters, none of which needs an escape", () => {
  const history = new CheckHistory();
  const latencies = [0, 0.02, 0.1, 0.5, 1, 5, 20, 100, 1000, 5000, 60_000, 1e9];
  for (const latencyMs of latencies) history.note(SERVER, passed(latencyMs), 0);
  const { marks } = history.since(SERVER, 0);
  expect([...marks].toSorted().join("")).toBe(marks);
  expect(new Set(marks).size).toBe(10);
  for (let step = 0; step < 200; step++) history.note(SERVER, passed(0.02 * 1.1 ** step), 0);
  const all = history.since(SERVER, 0).marks;
  expect(JSON.stringify(all)).toBe(`"${all}"`);
});

test("remembers the last ten reasons for failures, with how often each came in a row", () => {
  const history = new CheckHistory();
  for (let at = 0; at < 500; at++) history.note(SERVER, failed("status 503"), at);
  history.note(SERVER, failed("x".repeat(10_000)), 500);
  history.note(SERVER, passed(1), 501);
  history.note(SERVER, failed("x".repeat(10_000)), 502);
  expect(history.failuresOf(SERVER)).toEqual([
    { reason: "x".repeat(300), firstAtMs: 502, lastAtMs: 502, count: 1 },
    { reason: "x".repeat(300), firstAtMs: 500, lastAtMs: 500, count: 1 },
    { reason: "status 503", firstAtMs: 0, lastAtMs: 499, count: 500 },
  ]);
  for (let at = 0; at < 50; at++) history.note(SERVER, failed(`reason ${at}`), 600 + at);
  expect(history.failuresOf(SERVER).map(({ reason }) => reason)).toEqual(
    Array.from({ length: 10 }, (_, back) => `reason ${49 - back}`),
  );
  expect(history.failuresOf("10.0.0.2:80")).toEqual([]);
});
