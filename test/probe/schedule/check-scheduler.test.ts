import { describe, expect, test } from "bun:test";
import { formatEndpoint, parseEndpoint } from "../../../src/domain/endpoint.ts";
import type { ProbeOutcome } from "../../../src/domain/health.ts";
import type { Prober } from "../../../src/probe/prober.ts";
import type { Check } from "../../../src/probe/schedule/check-schedule.ts";
import { CHECK_PACE, CheckScheduler, type CheckSchedulerOptions } from "../../../src/probe/schedule/check-scheduler.ts";
import { seededRandom } from "../../../src/simulation/seeded-random.ts";
import { VirtualClock } from "../../../src/simulation/virtual-clock.ts";

const INTERVAL = 1000;
const PASSED: ProbeOutcome = { passed: true, reason: "status 200", latencyMs: 1 };
const FAILED: ProbeOutcome = { passed: false, reason: "timed out after 1s", latencyMs: 1 };

describe("the check scheduler", () => {
  test("starts a probe each interval, counted from start to start", async () => {
    const { clock, starts } = schedule({ tookMs: 300, outcome: FAILED });
    await clock.advance(3500);
    expect(starts()).toEqual([0, 1000, 2000, 3000]);
  });

  test("comes early by half of the jitter where it is alone", async () => {
    const { clock, starts } = schedule({ outcome: FAILED, options: { jitter: 0.1, random: () => 1 } });
    await clock.advance(3000);
    expect(starts()).toEqual([0, 950, 1900, 2850]);
  });

  test("keeps the interval though it comes late, as far as the jitter goes", async () => {
    const { clock, starts, sleep } = schedule({ outcome: FAILED, options: { jitter: 0.1, random: () => 0 } });
    await clock.advance(950);
    sleep(60);
    await clock.advance(1500);
    // Its clock is 60 ms ahead of the one that counts here.
    expect(starts()).toEqual([0, 1000, 1940]);
    sleep(600);
    await clock.advance(1500);
    expect(starts()).toEqual([0, 1000, 1940, 2940, 3840]);
  });

  test("comes early by no more than the jitter among many, and wakes up for several at once", async () => {
    const random = seededRandom(1);
    const { clock, started } = schedule({ servers: 100, options: { jitter: 0.1, random } });
    await clock.advance(20 * INTERVAL);
    const gaps = [...Map.groupBy(started, ({ target }) => target).values()].flatMap((checks) =>
      checks.slice(2).map(({ atMs }, index) => atMs - (checks[index + 1]?.atMs ?? Number.NaN)),
    );
    expect(gaps.length).toBeGreaterThan(1800);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.9 * INTERVAL - 1);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(INTERVAL);
    const wakings = new Set(started.filter(({ atMs }) => atMs > 10 * INTERVAL).map(({ atMs }) => atMs));
    // Each alone would be a thousand; of a waking, ten start at once and the others a little later.
    expect(wakings.size).toBeLessThan(10 * 15);
  });

  test("follows a probe that outlasts its interval with the next one at once, never with two", async () => {
    const { clock, starts } = schedule({ tookMs: 2500, outcome: FAILED });
    await clock.advance(8000);
    expect(starts()).toEqual([0, 2500, 5000, 7500]);
  });

  test("spreads good servers over the interval after their first probe", async () => {
    const { clock, started } = schedule({ servers: 100 });
    await clock.advance(10 * INTERVAL);
    const fifths = Array.from({ length: 5 }, () => 0);
    for (const { atMs } of started) {
      if (atMs < 8 * INTERVAL || atMs >= 9 * INTERVAL) continue;
      const fifth = Math.floor((atMs % INTERVAL) / 200);
      fifths[fifth] = (fifths[fifth] ?? 0) + 1;
    }
    // A tenth of the interval is one waking, with about ten checks: without jitter, some of them fall together.
    expect(Math.min(...fifths)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...fifths)).toBeLessThanOrEqual(30);
  });

  test("checks at once, and over a new connection, whom somebody else got no answer from, and says when one has passed", async () => {
    const outcome: { -readonly [Key in keyof ProbeOutcome]: ProbeOutcome[Key] } = { ...FAILED };
    const { clock, starts, distrusted, suspect } = schedule({ tookMs: 100, outcome: outcome as ProbeOutcome });
    await clock.advance(500);
    const well = suspect();
    await clock.advance(400);
    expect([starts(), distrusted, well.is]).toEqual([[0, 500], [500], false]);
    Object.assign(outcome, PASSED);
    await clock.advance(700);
    expect([starts(), distrusted, well.is]).toEqual([[0, 500, 1500], [500, 1500], true]);
    await clock.advance(1000);
    expect(distrusted).toEqual([500, 1500]);
  });

  test("checks at once whose clients wait, over the connection that there is, and tells when the answer is missing and when it came", async () => {
    const timing = { tookMs: 10 };
    const { clock, starts, distrusted, answers } = schedule({ timing });
    await clock.advance(500);
    timing.tookMs = 700;
    const heard = answers();
    await clock.advance(99);
    expect([starts(), distrusted, heard.told]).toEqual([[0, 500], [], []]);
    await clock.advance(1);
    expect(heard.told).toEqual(["missing after 100"]);
    // Whoever asks now is told at once.
    const later = answers();
    expect(later.told).toEqual(["missing after 100"]);
    await clock.advance(600);
    expect([heard.told, later.told]).toEqual([
      ["missing after 100", "came"],
      ["missing after 100", "came"],
    ]);
    // An answer in time is nothing to tell.
    timing.tookMs = 90;
    const quick = answers();
    await clock.advance(1000);
    expect(quick.told).toEqual([]);
  });

  test("waits for an answer eight times as long as this server usually takes", async () => {
    const { clock, answers } = schedule({ timing: { tookMs: 100 }, outcome: { ...PASSED, latencyMs: 100 } });
    await clock.advance(500);
    const heard = answers();
    await clock.advance(1000);
    expect(heard.told).toEqual([]);
  });

  test("takes its own lateness for nobody's, and a failed check for no answer", async () => {
    const outcome: { -readonly [Key in keyof ProbeOutcome]: ProbeOutcome[Key] } = { ...PASSED };
    const { clock, answers, sleep } = schedule({ timing: { tookMs: 150 }, outcome: outcome as ProbeOutcome });
    await clock.advance(500);
    const late = answers();
    sleep(400);
    await clock.advance(160);
    expect(late.told).toEqual([]);
    Object.assign(outcome, FAILED);
    const heard = answers();
    await clock.advance(1000);
    expect(heard.told).toEqual(["missing after 100"]);
    Object.assign(outcome, PASSED);
    await clock.advance(1500);
    expect(heard.told).toEqual(["missing after 100", "came"]);
  });

  test("lets nobody wait for the answer of a server that is checked no more", async () => {
    const { clock, checks, answers } = schedule({ timing: { tookMs: 1000 } });
    await clock.advance(1500);
    const heard = answers();
    await clock.advance(200);
    for (const check of checks) check.stop();
    expect(heard.told).toEqual(["missing after 100", "came"]);
    expect(answers().told).toEqual([]);
  });

  test("tells everybody who got no answer that the server is well", async () => {
    const { clock, starts, suspect } = schedule({ tookMs: 100 });
    await clock.advance(500);
    const wells = [suspect(), suspect()];
    await clock.advance(50);
    wells.push(suspect());
    await clock.advance(50);
    expect([starts(), wells.map(({ is }) => is)]).toEqual([
      [0, 500, 600],
      [false, false, false],
    ]);
    await clock.advance(100);
    expect(wells.map(({ is }) => is)).toEqual([true, true, true]);
  });

  test("is told of clients' port by those who ask there, and by others only where nobody does", async () => {
    const clock = new VirtualClock();
    const scheduler = new CheckScheduler({ clock, ...CHECK_PACE, jitter: 0, random: () => 0.5 });
    const target = parseEndpoint("10.0.0.1:80");
    const asked: string[] = [];
    const prober = (name: string, isBeside?: true): Prober => ({
      ...(isBeside && { isBeside }),
      open: () => ({
        check: (tell) => {
          asked.push(name);
          tell(name === "own" ? FAILED : { passed: true, reason: "fine", latencyMs: 1 });
        },
        close: () => undefined,
      }),
    });
    scheduler.with(prober("agent", true)).add(target, INTERVAL, () => undefined);
    const own = scheduler.with(prober("own")).add(target, INTERVAL, () => undefined);
    await clock.advance(10);
    asked.length = 0;
    let wells = 0;
    scheduler.suspect(target, () => wells++);
    await clock.advance(10);
    expect([asked, wells]).toEqual([["own"], 0]);
    own.stop();
    scheduler.suspect(target, () => wells++);
    await clock.advance(10);
    expect([asked, wells]).toEqual([["own", "agent"], 1]);
  });

  test("does not take the check that was under way then for an answer", async () => {
    const { clock, starts, distrusted, suspect } = schedule({ tookMs: 300 });
    await clock.advance(100);
    const well = suspect();
    await clock.advance(300);
    expect([starts(), distrusted, well.is]).toEqual([[0, 300], [300], false]);
    await clock.advance(300);
    expect(well.is).toBe(true);
  });

  test("has each node in another place of the interval, though all of them start at once", async () => {
    const second = await Promise.all(
      [0, 0.3, 0.6].map(async (drawn) => {
        const { clock, starts } = schedule({ options: { random: () => drawn } });
        await clock.advance(INTERVAL);
        return starts()[1] ?? Number.NaN;
      }),
    );
    expect(second).toEqual([618, 918, 218].map((ms) => expect.closeTo(ms, 0) as number));
  });

  test("checks everyone soon after the start, yet not in one burst", async () => {
    const { clock, started } = schedule({ servers: 1000, tookMs: 5 });
    await clock.advance(1000);
    const first = new Map<string, number>();
    for (const { target, atMs } of started) if (!first.has(target)) first.set(target, atMs);
    expect(first.size).toBe(1000);
    const perSlot = Map.groupBy(started, ({ atMs }) => Math.floor(atMs / 10));
    expect(Math.max(...[...perSlot.values()].map((slot) => slot.length))).toBeLessThanOrEqual(40);
  });

  test("never has more under way than it may, and lets nobody go hungry", async () => {
    const { clock, started, mostUnderWay } = schedule({ servers: 50, tookMs: 100, options: atMost(5) });
    await clock.advance(20 * INTERVAL);
    expect(mostUnderWay()).toBe(5);
    const counts = [...Map.groupBy(started, ({ target }) => target).values()].map((list) => list.length);
    expect(counts).toHaveLength(50);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(18);
  });

  test("does not catch up in a burst after a stall", async () => {
    const { clock, started, sleep } = schedule({ servers: 1000, tookMs: 5 });
    await clock.advance(5 * INTERVAL);
    started.length = 0;
    sleep(3_600_000);
    await clock.advance(INTERVAL);
    const perSlot = Map.groupBy(started, ({ atMs }) => Math.floor(atMs / 10));
    expect(Math.max(...[...perSlot.values()].map((slot) => slot.length))).toBeLessThanOrEqual(40);
    expect(new Set(started.map(({ target }) => target)).size).toBe(1000);
  });

  test.each([
    ["a stall", ({ sleep }: Schedule) => sleep(5.4 * INTERVAL)],
    ["all of them were suspects at once", ({ suspects }: Schedule) => suspects.forEach((suspect) => suspect())],
  ])(
    "has everyone in a place of its own again some intervals after %s, and nobody come too soon for that",
    async (_, disturb) => {
      const scene = schedule({ servers: 100, options: { random: seededRandom(1), jitter: 0.1 } });
      const { clock, started } = scene;
      await clock.advance(5 * INTERVAL);
      disturb(scene);
      started.length = 0;
      await clock.advance(15 * INTERVAL);
      const gaps = [...Map.groupBy(started, ({ target }) => target).values()].flatMap((checks) =>
        checks.slice(1).map(({ atMs }, index) => atMs - (checks[index]?.atMs ?? Number.NaN)),
      );
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.9 * INTERVAL - 1);
      started.length = 0;
      await clock.advance(INTERVAL - 1);
      const perFifth = Map.groupBy(started, ({ atMs }) => Math.floor((atMs % INTERVAL) / 200));
      expect(Math.max(...[...perFifth.values()].map((fifth) => fifth.length))).toBeLessThanOrEqual(40);
      expect(new Set(started.map(({ target }) => target)).size).toBeGreaterThanOrEqual(90);
    },
  );

  test("takes a failure for its own while this process was held up, says so once, and probes again at once", async () => {
    const stalls: number[] = [];
    const options = { stalled: (forMs: number) => stalls.push(forMs) };
    const { clock, reports, starts, sleep } = schedule({ tookMs: 200, outcome: FAILED, options });
    await clock.advance(150);
    sleep(2000);
    await clock.advance(60);
    expect(reports).toEqual([
      {
        passed: undefined,
        reason: "this process was held up for 2s, so this does not count: timed out after 1s",
        latencyMs: 1,
      },
    ]);
    await clock.advance(300);
    expect(starts()).toHaveLength(2);
    expect(reports.at(-1)).toEqual(FAILED);
    expect(stalls).toEqual([expect.closeTo(2000, -2)]);
  });

  test("tells a stall once, though checks pass that were under way and others come late by it", async () => {
    const stalls: number[] = [];
    const options = { stalled: (forMs: number) => stalls.push(forMs) };
    const { clock, checks, started, sleep } = schedule({ servers: 2, tookMs: 60, options });
    await clock.advance(1.7 * INTERVAL);
    const known = started.length;
    while (started.length === known) await clock.advance(1);
    // One is in the middle of its check; the other is to start just after the end of that.
    const [before, latest] = started.slice(-2);
    const other = latest?.target === "10.0.0.0:80" ? checks[1] : checks[0];
    other?.setInterval((latest?.atMs ?? 0) + 65 - (before?.atMs ?? 0));
    await clock.advance(5);
    sleep(2000);
    await clock.advance(INTERVAL);
    expect(stalls).toEqual([expect.closeTo(2000, -2)]);
  });

  test("tells of a stall between two checks, too, and believes what they find after it", async () => {
    const stalls: number[] = [];
    const { clock, reports, sleep } = schedule({
      outcome: FAILED,
      options: { stalled: (forMs) => stalls.push(forMs) },
    });
    await clock.advance(500);
    sleep(3_600_000);
    await clock.advance(2500);
    expect(stalls).toEqual([3_600_000]);
    expect(reports).toEqual([FAILED, FAILED, FAILED, FAILED]);
  });

  test("does not take a want of free places for a stall", async () => {
    const stalls: number[] = [];
    const options = { mostAtOnce: 1, stalled: (forMs: number) => stalls.push(forMs) };
    const { clock } = schedule({ servers: 3, tookMs: 900, outcome: FAILED, options });
    await clock.advance(20_000);
    expect(stalls).toEqual([]);
  });

  test("believes a failure in the end, should the stalls go on", async () => {
    const { clock, reports, sleep } = schedule({ tookMs: 200, outcome: FAILED });
    for (let times = 0; times < 3; times++) {
      await clock.advance(150);
      sleep(2000);
      await clock.advance(60);
    }
    expect(reports.map(({ passed }) => passed)).toEqual([undefined, undefined, false]);
  });

  test("believes a success, however late", async () => {
    const { clock, reports, sleep } = schedule({ tookMs: 200 });
    await clock.advance(150);
    sleep(2000);
    await clock.advance(60);
    expect(reports).toEqual([PASSED]);
  });

  test("probes at once when asked to, but never twice at the same time", async () => {
    const { clock, starts, checks } = schedule({ tookMs: 100, outcome: FAILED });
    await clock.advance(500);
    checks[0]?.probeNow();
    await clock.advance(50);
    checks[0]?.probeNow();
    await clock.advance(1200);
    expect(starts()).toEqual([0, 500, 1500]);
  });

  test("probes a suspect at once, but a hundred of them in no burst", async () => {
    const { clock, started, suspects } = schedule({ servers: 100 });
    await clock.advance(5 * INTERVAL);
    started.length = 0;
    for (const suspect of suspects.values()) suspect();
    await clock.advance(0);
    expect(started.length).toBeGreaterThan(0);
    await clock.advance(150);
    expect(new Set(started.map(({ target }) => target)).size).toBe(100);
    const perSlot = Map.groupBy(started, ({ atMs }) => Math.floor(atMs / 10));
    // Ten for each slot, and these begin when they like: a window as long as one may see the parts of two.
    expect(Math.max(...[...perSlot.values()].map((slot) => slot.length))).toBeLessThanOrEqual(20);
  });

  test("probes a suspect before all that are overdue, where there are more than it can keep up with", async () => {
    const { clock, started, suspects } = schedule({ servers: 20, tookMs: 200, options: atMost(1) });
    await clock.advance(10 * INTERVAL + 100);
    const [latest] = started.slice(-1);
    const another = [...suspects.keys()].find((target) => target !== latest?.target) ?? "";
    suspects.get(another)?.();
    await clock.advance(200);
    expect(started.at(-1)).toMatchObject({ target: another });
  });

  test("probes a suspect before whoever suspects it goes on, whenever that is", async () => {
    const { clock, started, suspects } = schedule({ servers: 2, outcome: FAILED });
    for (const suspect of suspects.values()) {
      await clock.advance(INTERVAL / 3);
      const before = started.length;
      suspect();
      expect(started.length).toBe(before + 1);
    }
  });

  test("is woken for its next probe only, once one is over", async () => {
    const { clock } = schedule({ tookMs: 10, outcome: FAILED });
    await clock.advance(20);
    expect(clock.armed).toBe(1);
  });

  test("has others wait in turns where a hundred suspects are refused at once, so that no timer waits for all of them", async () => {
    const { clock, started, suspects } = schedule({ servers: 100, isAtOnce: true, costMs: 4 });
    await clock.advance(5 * INTERVAL);
    started.length = 0;
    for (const suspect of suspects.values()) suspect();
    const seen = [started.length];
    clock.setTimeout(() => {
      seen.push(started.length);
      clock.setTimeout(() => seen.push(started.length), 0);
    }, 0);
    await clock.advance(1);
    expect(Math.max(...seen)).toBeLessThanOrEqual(12);
    expect(seen).toHaveLength(3);
    expect(new Set(started.map(({ target }) => target)).size).toBe(100);
  });

  test("comes earlier where a kept connection would not last the interval", async () => {
    const { clock, starts } = schedule({ renewWithinMs: 400, outcome: FAILED });
    await clock.advance(1000);
    expect(starts()).toEqual([0, 400, 800]);
  });

  test("takes a new interval at once", async () => {
    const { clock, starts, checks } = schedule({ outcome: FAILED });
    await clock.advance(300);
    checks[0]?.setInterval(200);
    await clock.advance(500);
    checks[0]?.setInterval(5000);
    await clock.advance(5000);
    expect(starts()).toEqual([0, 300, 500, 700, 5700]);
  });

  test("tells a probe that breaks as a failed one", async () => {
    const { clock, reports } = schedule({ breaks: true });
    await clock.advance(1);
    expect(reports).toEqual([{ passed: false, reason: "probe broke: Error: on purpose", latencyMs: 0 }]);
  });

  test("closes a probe under way when it is stopped, gives its place to another, and says no more of it", async () => {
    const { clock, checks, started, reports, closed } = schedule({
      servers: 2,
      tookMs: 10_000,
      options: atMost(1),
    });
    await clock.advance(100);
    checks[0]?.stop();
    checks[0]?.stop();
    expect(closed).toEqual(["10.0.0.0:80"]);
    await clock.advance(1);
    expect(started.map(({ target }) => target)).toEqual(["10.0.0.0:80", "10.0.0.1:80"]);
    checks[1]?.stop();
    await clock.advance(60_000);
    expect(reports).toEqual([]);
    expect(started).toHaveLength(2);
  });

  test("leaves no timer that would keep the process alive once nothing is checked any more", async () => {
    const { clock, checks } = schedule({ servers: 2 });
    await clock.advance(100);
    checks[0]?.stop();
    expect(clock.armed).toBe(1);
    checks[1]?.stop();
    expect(clock.armed).toBe(0);
  });
});

// --- internal ---

interface Scene {
  readonly servers?: number;
  readonly tookMs?: number;
  /** The same, where a test changes it. */
  readonly timing?: { readonly tookMs: number };
  /** Whether outcomes are told before `check` returns. */
  readonly isAtOnce?: boolean;
  /** How long this process takes over each report. */
  readonly costMs?: number;
  readonly outcome?: ProbeOutcome;
  readonly breaks?: boolean;
  readonly renewWithinMs?: number;
  readonly options?: Partial<CheckSchedulerOptions>;
}

function atMost(mostAtOnce: number): Pick<CheckSchedulerOptions, "budget"> {
  return { budget: { mostAtOnce, perServer: undefined } };
}

type Schedule = ReturnType<typeof schedule>;

function schedule({
  servers = 1,
  tookMs = 0,
  timing = { tookMs },
  isAtOnce = false,
  costMs = 0,
  outcome = PASSED,
  breaks = false,
  renewWithinMs,
  options,
}: Scene) {
  const clock = new VirtualClock();
  const slept = { ms: 0 };
  const started: { target: string; atMs: number }[] = [];
  const reports: ProbeOutcome[] = [];
  const suspects = new Map<string, () => void>();
  const closed: string[] = [];
  const distrusted: number[] = [];
  let underWay = 0;
  let most = 0;
  const scheduler = new CheckScheduler({
    clock: {
      now: () => clock.now() + slept.ms,
      setTimeout: (fire, ms) => clock.setTimeout(fire, ms),
      clearTimeout: (timer) => clock.clearTimeout(timer as number),
    },
    jitter: 0,
    random: () => 0,
    ...atMost(10_000),
    ...options,
  });
  const checksOf = scheduler.with({
    open: (target, suspect) => {
      suspects.set(formatEndpoint(target), suspect);
      return {
        check: (tell) => {
          started.push({ target: formatEndpoint(target), atMs: clock.now() });
          if (breaks) throw new Error("on purpose");
          if (isAtOnce) return tell(outcome);
          most = Math.max(most, ++underWay);
          clock.setTimeout(() => {
            underWay--;
            tell(outcome);
          }, timing.tookMs);
        },
        renewWithinMs,
        distrust: () => void distrusted.push(clock.now()),
        close: () => void closed.push(formatEndpoint(target)),
      };
    },
  });
  const checks = Array.from({ length: servers }, (_, n): Check => {
    const target = parseEndpoint(`10.0.${n >> 8}.${n & 255}:80`);
    return checksOf.add(target, INTERVAL, (report) => {
      reports.push(report);
      slept.ms += costMs;
    });
  });
  return {
    clock,
    checks,
    /** Somebody gets no answer from the first server, until it is well; true once it is. */
    suspect: () => {
      const well = { is: false };
      scheduler.suspect(parseEndpoint("10.0.0.0:80"), () => (well.is = true));
      return well;
    },
    /** Clients of the first server wait for an answer: what is heard of it. */
    answers: () => {
      const told: string[] = [];
      scheduler.await(parseEndpoint("10.0.0.0:80"), {
        missing: (afterMs) => told.push(`missing after ${afterMs}`),
        came: () => told.push("came"),
      });
      return { told };
    },
    distrusted,
    started,
    reports,
    suspects,
    closed,
    starts: () => started.map(({ atMs }) => atMs),
    mostUnderWay: () => most,
    /** As a suspended host, or one that gave us no turn: time goes by, and no timer rings. */
    sleep: (ms: number) => {
      slept.ms += ms;
    },
  };
}
