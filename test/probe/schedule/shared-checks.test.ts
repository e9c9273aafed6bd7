import { describe, expect, test } from "bun:test";
import { formatEndpoint, parseEndpoint } from "../../../src/domain/endpoint.ts";
import type { ProbeOutcome } from "../../../src/domain/health.ts";
import type { Check } from "../../../src/probe/schedule/check-schedule.ts";
import { CHECK_PACE, CheckScheduler } from "../../../src/probe/schedule/check-scheduler.ts";
import { SharedChecks } from "../../../src/probe/schedule/shared-checks.ts";
import { seededRandom } from "../../../src/simulation/seeded-random.ts";
import { VirtualClock } from "../../../src/simulation/virtual-clock.ts";

const PASSED: ProbeOutcome = { passed: true, reason: "status 200", latencyMs: 0 };
const FAILED: ProbeOutcome = { passed: false, reason: "status 500", latencyMs: 0 };
const LACKING: ProbeOutcome = { passed: undefined, reason: "too many open files", latencyMs: 0 };

const TARGET = "10.0.0.1:80";

describe("identical checks", () => {
  test("run once for all who ask, one by one of another kind or target", async () => {
    const { clock, ask, opened, startedMs } = scene();
    const told = [ask({}), ask({}), ask({})].map(({ outcomes }) => outcomes);
    await clock.advance(10_000);
    expect(opened).toEqual([`a ${TARGET}`]);
    for (const outcomes of told) expect(outcomes.map(({ atMs }) => atMs)).toEqual(startedMs);
    ask({ kind: "b" });
    ask({ target: "10.0.0.2:80" });
    await clock.advance(1000);
    expect(opened.toSorted()).toEqual([`a ${TARGET}`, "a 10.0.0.2:80", `b ${TARGET}`]);
  });

  test("run at the shortest interval that is asked for at the moment", async () => {
    const { clock, ask, startsIn } = scene();
    const slow = ask({ intervalMs: 5000 });
    const quick = ask({ intervalMs: 1000 });
    await clock.advance(20_000);
    expect(await startsIn(20_000)).toBeWithin(20, 23);
    quick.check.setInterval(10_000);
    expect(await startsIn(20_000)).toBeWithin(4, 6);
    slow.check.setInterval(2000);
    expect(await startsIn(20_000)).toBeWithin(10, 12);
    slow.check.stop();
    expect(await startsIn(20_000)).toBeWithin(2, 4);
  });

  test("let each count failures at its own pace, whatever the others ask for", async () => {
    const { clock, ask, set } = scene();
    const slow = ask({ intervalMs: 5000 });
    const quick = ask({ intervalMs: 1000 });
    await clock.advance(20_000);
    set(FAILED);
    slow.outcomes.length = quick.outcomes.length = 0;
    await clock.advance(30_000);
    const [first, ...others] = slow.outcomes.map(({ atMs }) => atMs);
    // The change came with the next check of all.
    expect(first).toBe(quick.outcomes[0]?.atMs ?? Number.NaN);
    const gaps = others.map((atMs, index) => atMs - (slow.outcomes[index]?.atMs ?? Number.NaN));
    expect(gaps.length).toBeWithin(5, 7);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(4375);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5300);
    expect(quick.outcomes.length).toBeWithin(30, 34);
  });

  test("count an interval from start to start, as slow as the server is", async () => {
    const { clock, ask, set, took } = scene();
    const slow = ask({ intervalMs: 4000 });
    ask({ intervalMs: 1000 });
    set(FAILED);
    // The first of two took nearly as long as its interval, the other nothing.
    took(900);
    await clock.advance(1000);
    took(0);
    slow.outcomes.length = 0;
    await clock.advance(4000);
    expect(slow.outcomes).toHaveLength(1);
    expect(slow.outcomes[0]?.atMs).toBeWithin(3500, 4500);
  });

  test("tell everybody at once of a sign of death, of what it turns out to be, and of the return", async () => {
    const { clock, ask, set, suspect } = scene();
    const all = [ask({ intervalMs: 60_000 }), ask({ intervalMs: 3000 })];
    await clock.advance(200_000);
    for (const [outcome, atMs] of [
      [FAILED, 200_000],
      [PASSED, 200_100],
      [FAILED, 200_200],
    ] as const) {
      set(outcome);
      suspect();
      for (const { outcomes } of all) expect(outcomes.at(-1)).toEqual({ outcome, atMs });
      await clock.advance(100);
    }
  });

  test("tell everybody what one of them asked for", async () => {
    const { clock, ask } = scene();
    const slow = ask({ intervalMs: 60_000 });
    const quick = ask({ intervalMs: 3000 });
    await clock.advance(10_000);
    const counts = [slow, quick].map(({ outcomes }) => outcomes.length);
    quick.check.probeNow();
    expect([slow, quick].map(({ outcomes }) => outcomes.length)).toEqual(counts.map((count) => count + 1));
    await clock.advance(10_000);
    expect(slow.outcomes.at(-1)?.atMs).toBe(10_000);
  });

  test("begin at once for a newcomer, but not before it is set up, nor for those who were told", async () => {
    const { clock, ask, startedMs } = scene();
    const old = ask({ intervalMs: 120_000 });
    await clock.advance(100);
    const newcomers = [ask({ intervalMs: 60_000 }), ask({ intervalMs: 90_000 })];
    expect(startedMs).toEqual([0]);
    await clock.advance(0);
    expect(startedMs).toEqual([0, 100]);
    expect([old, ...newcomers].map(({ outcomes }) => outcomes.length)).toEqual([1, 1, 1]);
    await clock.advance(100);
    ask({ intervalMs: 60_000 }).check.stop();
    await clock.advance(0);
    expect(startedMs).toEqual([0, 100]);
    ask({ intervalMs: 60_000 });
    await clock.advance(0);
    expect(startedMs).toEqual([0, 100, 200]);
  });

  test("give a newcomer the one that is under way", async () => {
    const { clock, ask, startedMs, took } = scene();
    took(500);
    ask({ intervalMs: 60_000 });
    await clock.advance(600);
    const [first] = [ask({ intervalMs: 60_000 })];
    await clock.advance(100);
    const second = ask({ intervalMs: 60_000 });
    await clock.advance(1000);
    expect(startedMs).toEqual([0, 600]);
    expect([first, second].map((one) => one?.outcomes.map(({ atMs }) => atMs))).toEqual([[1100], [1100]]);
  });

  test("end with the last who asked, and begin anew with the next", async () => {
    const { clock, ask, opened, closed, startedMs, startsIn } = scene();
    const [one, other] = [ask({}), ask({})];
    await clock.advance(5000);
    const { length } = startedMs;
    one.check.stop();
    one.check.stop();
    one.check.setInterval(1);
    one.check.probeNow();
    expect(startedMs).toHaveLength(length);
    expect(await startsIn(10_000)).toBeWithin(10, 13);
    expect(closed).toEqual([]);
    other.check.stop();
    expect([closed, await startsIn(10_000)]).toEqual([[TARGET], 0]);
    ask({});
    expect(await startsIn(10_000)).toBeWithin(10, 13);
    expect(opened).toHaveLength(2);
    expect(one.outcomes.at(-1)?.atMs).toBeLessThanOrEqual(5000);
  });

  test("tell nobody any more who was stopped by another one's hearing of it", async () => {
    const { clock, ask } = scene();
    let other: Check | undefined;
    ask({ hear: () => other?.stop() });
    const stopped = ask({});
    other = stopped.check;
    await clock.advance(5000);
    expect(stopped.outcomes).toEqual([]);
  });

  test("decide who is told before anyone acts on it", async () => {
    const { clock, ask, set } = scene();
    const quick = ask({ intervalMs: 1000, hear: () => quick.check.setInterval(10_000) });
    const slow = ask({ intervalMs: 5000 });
    await clock.advance(20_000);
    quick.check.setInterval(1000);
    set(FAILED);
    await clock.advance(1000);
    const { length } = slow.outcomes;
    quick.check.setInterval(1000);
    await clock.advance(1100);
    // Then the slow one asked for the shortest interval, but not when that check was made.
    expect(slow.outcomes).toHaveLength(length);
  });

  test("are heard of by all, though one breaks", async () => {
    const { clock, ask, broke } = scene();
    ask({
      hear: () => {
        throw new Error("on purpose");
      },
    });
    const sound = ask({});
    await clock.advance(5000);
    expect(sound.outcomes.length).toBeWithin(5, 8);
    expect(broke).toHaveLength(sound.outcomes.length);
  });

  test("do not count what says nothing: the next verdict is due as before", async () => {
    const { clock, ask, set } = scene();
    const slow = ask({ intervalMs: 5000 });
    ask({ intervalMs: 1000 });
    set(FAILED);
    await clock.advance(4000);
    set(LACKING);
    await clock.advance(3000);
    set(FAILED);
    await clock.advance(1100);
    expect(slow.outcomes.map(({ outcome }) => outcome.passed)).toEqual([
      false,
      ...slow.outcomes.slice(1, -1).map(() => undefined),
      false,
    ]);
    expect(slow.outcomes.length).toBeGreaterThan(2);
  });
});

// --- internal ---

interface Wish {
  readonly kind?: string;
  readonly target?: string;
  readonly intervalMs?: number;
  readonly hear?: () => void;
}

/** Shared checks on the daemon's own schedule, of servers that answer as the test says. */
function scene() {
  const clock = new VirtualClock();
  const answer = { outcome: PASSED, tookMs: 0 };
  const opened: string[] = [];
  const closed: string[] = [];
  const startedMs: number[] = [];
  const broke: unknown[] = [];
  const suspects: (() => void)[] = [];
  const scheduler = new CheckScheduler({ clock, ...CHECK_PACE, random: seededRandom(1) });
  const shared = new SharedChecks(clock);
  const schedule = (kind: string) =>
    scheduler.with({
      open: (target, suspect) => {
        opened.push(`${kind} ${formatEndpoint(target)}`);
        suspects.push(suspect);
        return {
          check: (tell) => {
            startedMs.push(clock.now());
            const { outcome, tookMs } = answer;
            const end = (): void => {
              try {
                tell({ ...outcome, latencyMs: tookMs });
              } catch (error) {
                broke.push(error);
              }
            };
            if (tookMs === 0) end();
            else clock.setTimeout(end, tookMs);
          },
          close: () => void closed.push(formatEndpoint(target)),
        };
      },
    });
  return {
    clock,
    opened,
    closed,
    startedMs,
    broke,
    set: (outcome: ProbeOutcome) => void (answer.outcome = outcome),
    took: (ms: number) => void (answer.tookMs = ms),
    /** A kept connection ended. */
    suspect: () => {
      for (const one of suspects) one();
    },
    /** How many checks begin in that time. */
    startsIn: async (ms: number) => {
      const before = startedMs.length;
      await clock.advance(ms);
      return startedMs.length - before;
    },
    ask: ({ kind = "a", target = TARGET, intervalMs = 1000, hear }: Wish) => {
      const outcomes: { outcome: ProbeOutcome; atMs: number }[] = [];
      const check = shared
        .of(kind, () => schedule(kind))
        .add(parseEndpoint(target), intervalMs, (outcome) => {
          outcomes.push({ outcome, atMs: clock.now() });
          hear?.();
        });
      return { check, outcomes };
    },
  };
}
