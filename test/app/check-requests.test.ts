import { expect, test } from "bun:test";
import type { TimedRequest } from "../../src/actors/status.ts";
import { CheckRequests } from "../../src/app/check-requests.ts";
import type { Verdict } from "../../src/domain/health.ts";

const SERVER = "10.0.0.1:80";

function passed(asks: Partial<Extract<Verdict, { passed: true }>> = {}): Verdict {
  return { passed: true, reason: "up", latencyMs: 1, ...asks };
}

const failed: Verdict = { passed: false, reason: "connect refused", latencyMs: 1 };

function told(...verdicts: readonly Verdict[]): (string | undefined)[] {
  const requests = new CheckRequests();
  return verdicts.map((verdict, at) => requests.note(SERVER, verdict, at)?.asks);
}

test("what a check asks for is told when it changes, and a check that never asks is told nothing of", () => {
  const drain = passed({ asked: { hold: "drain" } });
  expect(told(passed(), drain, drain, passed({ asked: { hold: "maintenance" } }), passed(), passed())).toEqual([
    undefined,
    "drained",
    undefined,
    "in maintenance",
    "nothing any more",
    undefined,
  ]);
  expect(told(passed({ asked: { limit: 1 } }), passed({ asked: { limit: 0 } }))).toEqual([
    "at most 1 connection",
    "any number of connections",
  ]);
});

test("a failed check takes back no weight, as with the daemon's decision", () => {
  const half = passed({ advice: { percent: 50 } });
  expect(told(half, failed, half, passed())).toEqual(["50% of its weight", undefined, undefined, "nothing any more"]);
});

test("a weight that only drifts is told once it is a quarter away from what was told", () => {
  const weights = [90, 100, 74, 60, 50, 60, 0, 1].map((percent) => passed({ advice: { percent } }));
  expect(told(...weights)).toEqual([
    "90% of its weight",
    "nothing any more",
    "74% of its weight",
    undefined,
    "50% of its weight",
    undefined,
    "0% of its weight",
    "1% of its weight",
  ]);
});

test("it is known since when one is held", () => {
  const requests = new CheckRequests();
  const known = (): TimedRequest | undefined => requests.get(SERVER);
  requests.note(SERVER, passed({ asked: { hold: "drain" } }), 1);
  requests.note(SERVER, passed({ asked: { hold: "maintenance" } }), 2);
  expect(known()).toMatchObject({ asks: "in maintenance", atMs: 2, heldOrNotSinceMs: 1 });
  requests.note(SERVER, passed({ advice: { weight: 3 } }), 3);
  expect(known()).toMatchObject({ asks: "weight 3", atMs: 3, heldOrNotSinceMs: 3 });
  requests.keepOnly(new Set());
  expect(known()).toBeUndefined();
});
