import { describe, expect, test } from "bun:test";
import type { CheckPace } from "../../../src/config/combination.ts";
import { parseEndpoint } from "../../../src/domain/endpoint.ts";
import type { ProbeOutcome } from "../../../src/domain/health.ts";
import { CombinedChecks } from "../../../src/probe/combination/combined-checks.ts";
import type { Check, CheckSchedule, Report } from "../../../src/probe/schedule/check-schedule.ts";

const TARGET = parseEndpoint("10.0.0.2:80");
const PACE: CheckPace = { fall: 1, rise: 1, intervalMs: 5000, fastIntervalMs: 1000, downIntervalMs: 9000 };
const PASSED: ProbeOutcome = { passed: true, reason: "ok", latencyMs: 1 };
const FAILED: ProbeOutcome = { passed: false, reason: "bad", latencyMs: 2 };
const UNREACHABLE: ProbeOutcome = { ...FAILED, reason: "refused", unreachable: true };
const LEAVING: ProbeOutcome = { passed: false, reason: "bye", leaving: true, latencyMs: 1 };
const LACKING: ProbeOutcome = { passed: undefined, reason: "no descriptors", latencyMs: 0 };

/** One check that the test tells outcomes of. */
class Told implements CheckSchedule, Check {
  intervals: number[] = [];
  asked = 0;
  isStopped = false;
  #report: Report | undefined;

  add(_: unknown, intervalMs: number, report: Report): Check {
    this.intervals.push(intervalMs);
    this.#report = report;
    return this;
  }
  setInterval(intervalMs: number): void {
    this.intervals.push(intervalMs);
  }
  probeNow(): void {
    this.asked++;
  }
  stop(): void {
    this.isStopped = true;
  }
  tell(outcome: ProbeOutcome): void {
    this.#report?.(outcome, 0);
  }
}

/** Checks named a, b, …, and what they say together. */
function combined(atLeast: number, ...paces: readonly Partial<CheckPace>[]) {
  const checks = paces.map(() => new Told());
  const members = checks.map((schedule, at) => ({
    name: "abcdef".charAt(at),
    pace: { ...PACE, ...paces[at] },
    schedule,
  }));
  const told: ProbeOutcome[] = [];
  const check = new CombinedChecks(members, atLeast).add(TARGET, 1, (outcome) => told.push(outcome));
  const tell = (at: number, outcome: ProbeOutcome): ProbeOutcome | undefined => {
    const before = told.length;
    checks[at]?.tell(outcome);
    return told.length === before ? undefined : told.at(-1);
  };
  return { checks, check, told, tell };
}

describe("all of several checks", () => {
  test("pass once each has, and fail as soon as one does, who is named", () => {
    const { tell } = combined(2, {}, {});
    expect(tell(0, PASSED)).toBeUndefined();
    expect(tell(1, PASSED)).toMatchObject({ passed: true, reason: "a: ok; b: ok", atOnce: true });
    expect(tell(1, FAILED)).toEqual({
      passed: false,
      reason: "b: bad",
      atOnce: true,
      latencyMs: 2,
      checks: [
        { name: "a", state: "up", reason: "ok" },
        { name: "b", state: "down", reason: "bad" },
      ],
    });
  });

  test("fail without waiting for those that cannot change it", () => {
    const { tell } = combined(2, {}, {});
    expect(tell(0, FAILED)).toMatchObject({ passed: false, reason: "a: bad" });
  });

  test("each counts for itself", () => {
    const { tell } = combined(2, { fall: 3, rise: 2 }, {});
    tell(0, PASSED);
    tell(1, PASSED);
    expect(tell(0, FAILED)).toMatchObject({ passed: true });
    expect(tell(0, FAILED)).toMatchObject({ passed: true });
    expect(tell(0, FAILED)).toMatchObject({ passed: false });
    expect(tell(0, PASSED)).toMatchObject({ passed: false });
    expect(tell(0, PASSED)).toMatchObject({ passed: true });
  });

  test("one that counts at once needs no threshold", () => {
    const { tell } = combined(1, { fall: 9 });
    tell(0, PASSED);
    expect(tell(0, { ...FAILED, atOnce: true })).toMatchObject({ passed: false, reason: "bad" });
  });

  test("of nobody known yet, failures below the threshold say nothing", () => {
    const { tell, checks } = combined(1, { fall: 2 });
    expect(tell(0, FAILED)).toBeUndefined();
    expect(checks[0]?.intervals).toEqual([5000, 1000]);
    expect(tell(0, FAILED)).toMatchObject({ passed: false });
  });

  test("one that cannot be made counts as neither, and is what it was afterwards", () => {
    const { tell } = combined(2, { fall: 2 }, {});
    tell(0, PASSED);
    tell(1, PASSED);
    tell(0, FAILED);
    expect(tell(0, LACKING)).toMatchObject({ passed: undefined, reason: "a: no descriptors" });
    expect(tell(1, PASSED)).toMatchObject({ passed: undefined });
    expect(tell(1, FAILED)).toMatchObject({ passed: false, reason: "b: bad" });
    tell(1, PASSED);
    expect(tell(0, FAILED)).toMatchObject({ passed: false, reason: "a: bad" });
  });

  test("leave when one says goodbye, unless another one fails", () => {
    const { tell } = combined(2, {}, {});
    tell(0, PASSED);
    expect(tell(1, LEAVING)).toMatchObject({ passed: false, leaving: true, reason: "b: bye" });
    expect(tell(0, FAILED)).toMatchObject({ passed: false, reason: "a: bad; b: bye", atOnce: true });
  });

  test("a failure is told once in each interval of the check by which they failed", () => {
    const { tell } = combined(2, {}, {});
    tell(0, PASSED);
    tell(1, PASSED);
    expect(tell(0, FAILED)).toBeDefined();
    expect(tell(1, PASSED)).toBeUndefined();
    expect(tell(1, FAILED)).toBeUndefined();
    expect(tell(0, FAILED)).toBeDefined();
    // Now the other one goes on with it.
    expect(tell(0, PASSED)).toBeUndefined();
    expect(tell(1, FAILED)).toMatchObject({ reason: "b: bad" });
  });

  test("nobody gets there when each of those that fail does not", () => {
    const { tell } = combined(2, {}, {});
    tell(0, PASSED);
    expect(tell(1, UNREACHABLE)).toMatchObject({ unreachable: true });
    tell(0, FAILED);
    expect(tell(1, UNREACHABLE)).not.toHaveProperty("unreachable");
  });
});

describe("some of several checks", () => {
  test("any: as long as one passes", () => {
    const { tell } = combined(1, {}, {});
    expect(tell(0, FAILED)).toBeUndefined();
    expect(tell(1, PASSED)).toMatchObject({ passed: true, reason: "b: ok" });
    expect(tell(1, LEAVING)).toMatchObject({ leaving: true, reason: "0 of 2 pass: b: bye" });
    expect(tell(0, PASSED)).toMatchObject({ passed: true, reason: "a: ok" });
  });

  test("at least two of three", () => {
    const { tell } = combined(2, {}, {}, {});
    tell(0, PASSED);
    expect(tell(1, PASSED)).toMatchObject({ passed: true });
    expect(tell(2, FAILED)).toMatchObject({ passed: true });
    expect(tell(0, FAILED)).toMatchObject({ passed: false, reason: "1 of 3 pass: a: bad; c: bad" });
  });
});

describe("what they say besides", () => {
  const advised = (advice: { weight: number } | { percent: number }): ProbeOutcome =>
    ({ ...PASSED, advice }) as ProbeOutcome;

  test("shares are multiplied, of a weight that one asks for if there is one", () => {
    const { tell } = combined(3, {}, {}, {});
    tell(0, advised({ percent: 70 }));
    tell(1, advised({ percent: 30 }));
    expect(tell(2, PASSED)).toMatchObject({ advice: { percent: 21 } });
    expect(tell(2, advised({ weight: 100 }))).toMatchObject({ advice: { weight: 21 } });
    expect(tell(1, advised({ percent: 0 }))).toMatchObject({ advice: { weight: 0 } });
    // One that fails for now takes nothing back, one that is down does.
    tell(1, PASSED);
    tell(0, PASSED);
    expect(tell(2, PASSED)).not.toHaveProperty("advice");
  });

  test("notices with the name of the check, and the certificate that ends first", () => {
    const certificate = (notAfterMs: number) =>
      ({ fingerprint: `${notAfterMs}`, subject: "s", issuer: "i", names: [], notBeforeMs: 0, notAfterMs }) as const;
    const { tell } = combined(2, {}, {});
    tell(0, { ...PASSED, notice: "old", certificate: certificate(7) } as ProbeOutcome);
    const verdict = tell(1, { ...PASSED, certificate: certificate(5) } as ProbeOutcome);
    expect(verdict).toMatchObject({ notice: "a: old", certificate: { notAfterMs: 5 } });
  });

  test("one that asks to be left alone is, and the others are not", () => {
    const { tell, checks } = combined(2, {}, {});
    tell(0, { ...PASSED, retryAfterMs: 60_000 } as ProbeOutcome);
    tell(1, PASSED);
    expect(checks.map(({ intervals }) => intervals.at(-1))).toEqual([9000, 5000]);
  });

  test("one that fails is not left alone, so that the doubt is settled", () => {
    const { tell, checks } = combined(2, { fall: 3 }, {});
    tell(0, { ...PASSED, retryAfterMs: 60_000 } as ProbeOutcome);
    tell(0, { ...FAILED, retryAfterMs: 60_000 } as ProbeOutcome);
    expect(checks[0]?.intervals).toEqual([5000, 9000, 1000]);
  });
});

describe("an agent among them", () => {
  const up = { passed: true, reason: "up", atOnce: true, latencyMs: 1 } as const;
  const down = { passed: false, reason: "stopped", atOnce: true, decided: true, latencyMs: 1 } as const;
  const expired = { passed: true, reason: "connected", expired: "not heard", latencyMs: 1 } as const;

  test("decides as any other, and its word is a decision", () => {
    const { tell } = combined(2, {}, {});
    tell(0, PASSED);
    expect(tell(1, { ...up, asked: { limit: 30 } })).toMatchObject({ passed: true, asked: { limit: 30 } });
    expect(tell(1, down)).toMatchObject({ passed: false, decided: true, reason: "b: stopped" });
  });

  test("leaves the others alone when it is not heard any more, until it is heard again", () => {
    const { tell, told } = combined(2, {}, {});
    tell(0, PASSED);
    tell(1, { ...down, asked: { hold: "drain" } });
    expect(tell(1, LACKING)).toMatchObject({ passed: undefined });
    const alone = tell(1, expired);
    expect(alone).toMatchObject({ passed: true, reason: "a: ok", expired: "b: not heard" });
    expect(alone).not.toHaveProperty("asked");
    expect(told.at(-1)?.checks).toContainEqual({ name: "b", state: "expired", reason: "connected" });
    expect(tell(0, FAILED)).toMatchObject({ passed: false, reason: "a: bad" });
    expect(tell(1, down)).toMatchObject({ passed: false, decided: true });
  });

  test("with nobody beside those that are not heard any more, what their server shows counts", () => {
    const { tell } = combined(2, {}, {});
    tell(0, down);
    tell(1, up);
    tell(0, expired);
    expect(tell(1, expired)).toMatchObject({ passed: true });
    expect(tell(1, { ...UNREACHABLE, expired: "not heard" })).toMatchObject({ passed: false, unreachable: true });
  });

  test("pauses the others while it asks for maintenance, and they begin anew after that", () => {
    const { tell, checks } = combined(3, {}, {}, {});
    tell(0, PASSED);
    tell(1, FAILED);
    const paused = tell(2, { ...up, asked: { hold: "maintenance" } });
    // What failed before is no reason to come back, and one that found nothing yet is not waited for.
    expect(paused).toMatchObject({ passed: false, reason: "b: bad", asked: { hold: "maintenance" } });
    expect(paused?.checks?.map(({ state }) => state)).toEqual(["paused", "paused", "up"]);
    expect(checks.map(({ isStopped }) => isStopped)).toEqual([true, true, false]);
    // Nothing is known of them until they were made again.
    expect(tell(2, up)).toBeUndefined();
    expect(checks.map(({ intervals }) => intervals.length)).toEqual([2, 2, 1]);
    tell(0, PASSED);
    const ready = tell(1, PASSED);
    expect(ready).toMatchObject({ passed: true });
    expect(ready).not.toHaveProperty("asked");
  });

  test("that wants no clients is heeded before the others have found anything", () => {
    const { tell } = combined(2, { fall: 3 }, {});
    expect(tell(0, FAILED)).toBeUndefined();
    expect(tell(1, { ...up, asked: { hold: "drain" } })).toMatchObject({ passed: true, asked: { hold: "drain" } });
    expect(tell(1, up)).toBeUndefined();
  });

  test("and another one: the most cautious of what they ask for", () => {
    const { tell } = combined(2, {}, {});
    tell(0, { ...up, asked: { hold: "drain", limit: 0 } });
    expect(tell(1, { ...up, asked: { limit: 7 } })).toMatchObject({ asked: { hold: "drain", limit: 7 } });
  });
});

test("all are asked at once, and end together", () => {
  const { check, checks, tell } = combined(2, {}, {});
  check.probeNow();
  expect(checks.map(({ asked }) => asked)).toEqual([1, 1]);
  check.stop();
  check.stop();
  expect(checks.every(({ isStopped }) => isStopped)).toBe(true);
  expect(tell(0, FAILED)).toBeUndefined();
});

test("those of a server that is out come less often, and again when it comes back", () => {
  const { tell, checks } = combined(1, { fall: 1, rise: 2 });
  tell(0, PASSED);
  tell(0, FAILED);
  tell(0, FAILED);
  expect(checks[0]?.intervals).toEqual([5000, 9000]);
  tell(0, PASSED);
  tell(0, PASSED);
  expect(checks[0]?.intervals).toEqual([5000, 9000, 1000, 5000]);
});

test("where one cannot begin, none goes on", () => {
  const first = new Told();
  const broken: CheckSchedule = {
    add: () => {
      throw new Error("broke");
    },
  };
  const members = [first, broken].map((schedule, at) => ({ name: `${at}`, pace: PACE, schedule }));
  expect(() => new CombinedChecks(members, 2).add(TARGET, 1, () => undefined)).toThrow("broke");
  expect(first.isStopped).toBe(true);
});
