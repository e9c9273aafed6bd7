import { describe, expect, test } from "bun:test";
import { createActor, fromCallback, type AnyActorRef } from "xstate";
import type { CheckCommand, CheckResult } from "../../src/actors/checks.ts";
import {
  realServerMachine,
  stateOf,
  type RealServerInput,
  type RealServerReport,
} from "../../src/actors/real-server-machine.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { PLAIN_HEALTH_POLICY, type HealthPolicy } from "../../src/domain/health-policy.ts";
import type { RealServerState, Verdict, WeightAdvice } from "../../src/domain/health.ts";
import { VirtualClock } from "../../src/simulation/virtual-clock.ts";

/** The state chart, row by row: state, verdicts (`+` passed, `-` failed, `*` passed and `!` failed at once, `l` leaving), state after them. */
const CHART: readonly (readonly [from: RealServerState, verdicts: string, to: RealServerState])[] = [
  ["healthy", "+", "healthy"],
  ["healthy", "-", "draining"],
  ["draining", "+", "healthy"],
  ["draining", "-", "removed"],
  ["removed", "-", "removed"],
  ["removed", "+", "healthy"],
  ["recovering", "+", "healthy"],
  ["recovering", "-", "removed"],
  ["healthy", "l", "draining"],
  ["draining", "lll", "draining"],
  ["draining", "l-", "removed"],
  ["draining", "l+", "healthy"],
  ["removed", "l", "removed"],
  ["recovering", "l", "removed"],
];

const CHART_FALL_3_RISE_2: typeof CHART = [
  ["healthy", "--", "healthy"],
  ["healthy", "--+--", "healthy"],
  ["healthy", "---", "draining"],
  ["draining", "+", "draining"],
  ["draining", "++", "healthy"],
  ["draining", "-", "removed"],
  ["draining", "+-", "removed"],
  ["removed", "+", "recovering"],
  ["removed", "+-", "removed"],
  ["removed", "++", "healthy"],
  ["recovering", "+", "recovering"],
  ["recovering", "++", "healthy"],
  ["healthy", "!", "draining"],
  ["draining", "*", "healthy"],
  ["removed", "*", "healthy"],
  ["recovering", "*", "healthy"],
  ["healthy", "l", "draining"],
  // What it says while it leaves is no failure, and what comes then counts anew.
  ["healthy", "--l--", "draining"],
  ["healthy", "--l---", "removed"],
  ["healthy", "l--l---", "removed"],
  ["healthy", "l++", "healthy"],
  ["draining", "l!", "removed"],
];

describe("real server", () => {
  test.each(CHART)("%s, checks %s: %s", (from, verdicts, to) => {
    expect(start({ initial: from }).check(verdicts)).toBe(to);
  });

  test.each(CHART_FALL_3_RISE_2)("with fall 3 and rise 2: %s, checks %s: %s", (from, verdicts, to) => {
    expect(start({ initial: from, policy: { fall: 3, rise: 2 } }).check(verdicts)).toBe(to);
  });

  test("one good check is enough for a server that never was in service, and for that once only", () => {
    const server = start({ initial: "recovering", unproven: true, policy: { rise: 3 } });
    expect(server.check("-+")).toBe("healthy");
    expect(server.check("--++")).toBe("recovering");
    expect(server.check("+")).toBe("healthy");
  });

  test("reports each change once, with where it came from and why", () => {
    const server = start({ initial: "healthy" });
    server.check("--+");
    expect(server.reports).toEqual([
      change("healthy", "draining", FAILED),
      change("draining", "removed", FAILED),
      change("removed", "healthy", PASSED),
    ]);
  });

  test("is checked fast while in doubt, slowly while removed, and else at its interval; hears all while it counts", () => {
    const policy = { fall: 2, rise: 2, fastIntervalMs: 200, downIntervalMs: 30_000 };
    const { check, paces } = start({ initial: "healthy", policy });
    const pacesOf = (verdicts: string): string[] => {
      check(verdicts);
      return paces.splice(0);
    };
    expect(pacesOf("")).toEqual(["5000 changes"]);
    expect(pacesOf("+")).toEqual([]);
    expect(pacesOf("-")).toEqual(["200 all"]);
    expect(pacesOf("+")).toEqual(["5000 changes"]);
    expect(pacesOf("-")).toEqual(["200 all"]);
    expect(pacesOf("-")).toEqual(["5000 all"]);
    expect(pacesOf("-")).toEqual(["30000 changes"]);
    expect(pacesOf("+")).toEqual(["200 all"]);
    expect(pacesOf("+")).toEqual(["5000 changes"]);
    expect(pacesOf("+")).toEqual([]);
  });

  test("is checked fast, too, while it is in doubt whether a draining one is well again", () => {
    const policy = { rise: 3, fastIntervalMs: 200, drain: "connections" } as const;
    const { check, paces } = start({ initial: "draining", policy });
    check("+");
    expect(paces.splice(0)).toEqual(["200 all"]);
    check("-");
    expect(paces.splice(0)).toEqual(["5000 all"]);
    check("++");
    expect(paces.splice(0)).toEqual(["200 all"]);
    check("+");
    expect(paces.splice(0)).toEqual(["5000 changes"]);
  });

  test("goes on with what it has counted under another policy, and decides nothing by that alone", () => {
    const server = start({ initial: "healthy", policy: { fall: 5 } });
    server.check("----");
    server.actor.send({ type: "policy.changed", policy: { ...PLAIN_HEALTH_POLICY, fall: 2 } });
    expect(server.check("")).toBe("healthy");
    expect(server.check("-")).toBe("draining");
    const rising = start({ initial: "recovering", policy: { rise: 5 } });
    rising.check("++++");
    rising.actor.send({ type: "policy.changed", policy: { ...PLAIN_HEALTH_POLICY, rise: 2 } });
    expect(rising.check("")).toBe("recovering");
    expect(rising.check("+")).toBe("healthy");
  });

  test("has its checks go at the new policy's pace at once, each state at its own", () => {
    const policy = { ...PLAIN_HEALTH_POLICY, fall: 2, intervalMs: 1000, fastIntervalMs: 100, downIntervalMs: 10_000 };
    for (const [initial, verdicts, pace] of [
      ["healthy", "", "1000 changes"],
      ["healthy", "-", "100 all"],
      ["draining", "", "1000 all"],
      ["removed", "", "10000 changes"],
      ["recovering", "", "100 all"],
    ] as const) {
      const { actor, check, paces } = start({ initial, policy: { fall: 2 } });
      check(verdicts);
      paces.length = 0;
      actor.send({ type: "policy.changed", policy });
      expect(paces).toEqual([pace]);
      actor.send({ type: "policy.changed", policy: { ...policy, lastResort: false } });
      expect(paces).toHaveLength(1);
    }
  });

  test("with --drain connections it stays until they are gone", () => {
    const { actor, check } = start({ initial: "healthy", policy: { drain: "connections" } });
    expect(check("----")).toBe("draining");
    actor.send({ type: "connections.counted", active: 3 });
    expect(check("--")).toBe("draining");
    actor.send({ type: "connections.counted", active: 0 });
    expect(check("-")).toBe("removed");
  });

  test("what it counted before does not shorten the next drain", () => {
    const { actor, check } = start({ initial: "draining", policy: { drain: "connections" } });
    actor.send({ type: "connections.counted", active: 0 });
    expect(check("+--")).toBe("draining");
  });

  test("with --drain connections it goes at the deadline, and at once when it cannot be reached", async () => {
    const policy = { drain: "connections", drainTimeoutMs: 60_000 } as const;
    const slow = start({ initial: "healthy", policy });
    slow.check("-");
    await slow.clock.advance(59_999);
    expect(slow.check("-")).toBe("draining");
    await slow.clock.advance(1);
    expect(slow.check("-")).toBe("removed");
    const dead = start({ initial: "healthy", policy });
    expect(dead.check("-")).toBe("draining");
    dead.actor.send({ type: "probe.failed", verdict: { ...FAILED, unreachable: true } });
    expect(dead.check("")).toBe("removed");
  });

  test("a slow start climbs in steps, and a failure on the way drains it", async () => {
    const { actor, check, clock, reports } = start({ initial: "removed", policy: { slowStartMs: 10_000 } });
    const step = (): number => actor.getSnapshot().context.rampStep;
    expect(check("+")).toBe("recovering");
    expect(step()).toBe(1);
    await clock.advance(4000);
    expect(step()).toBe(5);
    expect(check("+")).toBe("recovering");
    await clock.advance(5000);
    expect(check("")).toBe("healthy");
    expect(step()).toBe(0);
    expect(reports.filter(({ type }) => type === "realServer.reweighed")).toHaveLength(9);
    expect(check("--+")).toBe("recovering");
    expect(check("-")).toBe("draining");
    expect(step()).toBe(0);
  });

  test("leaves a busy server alone for as long as it asks, and no longer than a removed one", () => {
    const policy = { fastIntervalMs: 1000, downIntervalMs: 30_000, fall: 3 };
    const { actor, paces } = start({ initial: "healthy", policy });
    const pacesAfter = (passed: boolean, retryAfterMs?: number): string[] => {
      const more = retryAfterMs === undefined ? {} : { retryAfterMs };
      paces.length = 0;
      if (passed) actor.send({ type: "probe.passed", verdict: { ...PASSED, ...more } });
      else actor.send({ type: "probe.failed", verdict: { ...FAILED, ...more } });
      return [...paces];
    };
    expect(pacesAfter(true, 12_000)).toEqual(["12000 changes"]);
    expect(pacesAfter(true, 12_000)).toEqual([]);
    expect(pacesAfter(true, 99_000)).toEqual(["30000 changes"]);
    // A doubt is settled as soon as without it.
    expect(pacesAfter(false, 99_000)).toEqual(["1000 all"]);
    expect(pacesAfter(false)).toEqual([]);
    expect(pacesAfter(true)).toEqual(["5000 changes"]);
  });

  test("no server stays in service longer because it asks to be left alone, nor drains or proves itself later", () => {
    const policy = { fastIntervalMs: 1000, downIntervalMs: 30_000, fall: 2, rise: 2, drain: "connections" } as const;
    const { actor, paces, check } = start({ initial: "healthy", policy });
    const retryAfterMs = 20_000;
    const pass = (): void => actor.send({ type: "probe.passed", verdict: { ...PASSED, retryAfterMs } });
    const fail = (): void => actor.send({ type: "probe.failed", verdict: { ...FAILED, retryAfterMs } });
    fail();
    fail();
    expect(check("")).toBe("draining");
    fail();
    pass();
    fail();
    expect(paces.splice(0)).toEqual(["5000 changes", "1000 all", "5000 all", "1000 all", "5000 all"]);
    actor.send({ type: "connections.counted", active: 0 });
    fail();
    expect(check("")).toBe("removed");
    pass();
    expect(check("")).toBe("recovering");
    expect(paces).toEqual(["30000 changes", "1000 all"]);
  });

  test("tells when its check asks for another weight, and only then", () => {
    const { actor, reports } = start({ initial: "healthy" });
    const pass = (advice?: WeightAdvice): number => {
      actor.send({ type: "probe.passed", verdict: { ...PASSED, ...(advice && { advice }) } });
      return reports.filter(({ type }) => type === "realServer.reweighed").length;
    };
    expect([pass(), pass({ weight: 3 }), pass({ weight: 3 }), pass({ percent: 3 }), pass()]).toEqual([0, 1, 1, 2, 3]);
    // A failure gives no weight back.
    pass({ weight: 0 });
    actor.send({ type: "probe.failed", verdict: FAILED });
    expect(actor.getSnapshot().context.advice).toEqual({ weight: 0 });
  });

  test("one that nobody has seen yet needs no slow start", () => {
    expect(start({ initial: "recovering", unproven: true, policy: { slowStartMs: 10_000 } }).check("+")).toBe(
      "healthy",
    );
  });
});

// --- internal ---

const PASSED = { passed: true, reason: "status 200", latencyMs: 1 } as const;
const FAILED = { passed: false, reason: "status 503", latencyMs: 1 } as const;

const RESULTS: ReadonlyMap<string, CheckResult> = new Map([
  ["+", { type: "probe.passed", verdict: PASSED }],
  ["-", { type: "probe.failed", verdict: FAILED }],
  ["*", { type: "probe.passed", verdict: { ...PASSED, atOnce: true } }],
  ["!", { type: "probe.failed", verdict: { ...FAILED, atOnce: true } }],
  ["l", { type: "probe.leaving", verdict: { ...FAILED, leaving: true } }],
]);

function start({ policy, ...changes }: Partial<Omit<RealServerInput, "policy">> & { policy?: Partial<HealthPolicy> }) {
  const clock = new VirtualClock();
  const reports: RealServerReport[] = [];
  const supervisor = createActor(
    fromCallback<RealServerReport>(({ receive }) => receive((report) => reports.push(report))),
  ).start();
  const paces: string[] = [];
  // They say nothing: what they would say is sent by hand.
  const checks = createActor(
    fromCallback<CheckCommand>(({ receive }) =>
      receive((command) => command.type === "pace" && paces.push(`${command.intervalMs} ${command.tell}`)),
    ),
  ).start();
  const actor = createActor(realServerMachine, {
    clock,
    input: {
      server: "10.0.0.1:80",
      target: parseEndpoint("10.0.0.1:80"),
      supervisor: supervisor as AnyActorRef,
      checks: checks as AnyActorRef,
      initial: "healthy",
      unproven: false,
      history: "served",
      policy: { ...PLAIN_HEALTH_POLICY, ...policy },
      now: clock.now,
      ...changes,
    },
  }).start();
  const check = (verdicts: string): string => {
    for (const sign of verdicts) {
      const result = RESULTS.get(sign);
      if (result !== undefined) actor.send(result);
    }
    return stateOf(actor.getSnapshot().context);
  };
  return { actor, check, reports, paces, clock };
}

function change(from: RealServerState, to: RealServerState, verdict: Verdict): RealServerReport {
  return { type: "realServer.changed", server: "10.0.0.1:80", from, to, reason: verdict.reason, verdict, atMs: 0 };
}
