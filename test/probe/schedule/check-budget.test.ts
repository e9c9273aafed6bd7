import { expect, test } from "bun:test";
import type { CheckBudget } from "../../../src/config/care-options.ts";
import { formatEndpoint, parseEndpoint } from "../../../src/domain/endpoint.ts";
import { CheckScheduler } from "../../../src/probe/schedule/check-scheduler.ts";
import { seededRandom } from "../../../src/simulation/seeded-random.ts";
import { VirtualClock } from "../../../src/simulation/virtual-clock.ts";

const SECOND = 1000;
const FREE: CheckBudget = { mostAtOnce: 256, perServer: undefined };

test("who has waited longest for a result comes next, whatever the intervals are", async () => {
  const clock = new VirtualClock();
  const node = new Node(clock, { mostAtOnce: 1, perServer: undefined }, { tookMs: 400 });
  // Together they ask for five times as much as there is room for.
  for (let n = 1; n <= 8; n++) node.add(`10.0.0.${n}:80`, SECOND);
  node.add("10.0.0.9:80", 2 * SECOND);
  await clock.advance(60 * SECOND);
  const counts = [...node.startsOf().values()].map(({ length }) => length);
  expect(counts).toHaveLength(9);
  // By what is due first, the last one would come half as often.
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
});

test("many silent servers take no room from one that answers, and are checked all the same", async () => {
  const clock = new VirtualClock();
  const node = new Node(clock, { mostAtOnce: 4, perServer: undefined }, { tookMs: 2 * SECOND });
  // By age alone, each would come every fifteen seconds.
  for (let n = 1; n <= 30; n++) node.add(`10.0.1.${n}:80`, 5 * SECOND);
  await clock.advance(200 * SECOND);
  node.add("10.0.0.1:80", SECOND, "well", 5);
  await clock.advance(100 * SECOND);
  const starts = node.startsOf();
  const gaps = (starts.get("well") ?? []).slice(2).map((atMs, index, all) => atMs - (all[index - 1] ?? atMs));
  expect(gaps.length).toBeGreaterThan(25);
  // It waits for one of the four to end.
  expect(Math.max(...gaps)).toBeLessThanOrEqual(3 * SECOND + 10);
  for (let n = 1; n <= 30; n++)
    expect(starts.get(`10.0.1.${n}:80`)?.filter((atMs) => atMs > 200 * SECOND).length).toBeGreaterThanOrEqual(4);
});

test("servers that are gone are checked also where the others leave no room", async () => {
  const clock = new VirtualClock();
  const node = new Node(clock, { mostAtOnce: 1, perServer: undefined }, { tookMs: 400 });
  node.add("10.0.1.1:80", SECOND);
  await clock.advance(10 * SECOND);
  for (let n = 1; n <= 8; n++) node.add(`10.0.0.${n}:80`, SECOND, `well ${n}`, 400);
  await clock.advance(300 * SECOND);
  const starts = (node.startsOf().get("10.0.1.1:80") ?? []).filter((atMs) => atMs > 10 * SECOND);
  expect(starts.length).toBeGreaterThanOrEqual(4);
});

test("what waits is not late: its interval counts from its start, and how long it waited is told", async () => {
  const clock = new VirtualClock();
  const node = new Node(clock, { mostAtOnce: 1, perServer: undefined }, { tookMs: 600 });
  node.add("10.0.0.1:80", SECOND);
  node.add("10.0.0.2:80", SECOND);
  await clock.advance(6 * SECOND);
  const [first = [], second = []] = [...node.startsOf().values()];
  expect(first).toEqual([0, 1200, 2400, 3600, 4800, 6000]);
  expect(second).toEqual([600, 1800, 3000, 4200, 5400]);
  expect(Math.max(...node.waits)).toBe(600);
});

test("nobody has to wait where there is room", async () => {
  const clock = new VirtualClock();
  const node = new Node(clock, { mostAtOnce: 2, perServer: undefined }, { tookMs: 600 });
  node.add("10.0.0.1:80", SECOND);
  node.add("10.0.0.2:80", SECOND);
  await clock.advance(6 * SECOND);
  expect(node.waits.filter((ms) => ms > 0)).toEqual([]);
});

test("does not take the want of room for a client's missing answer", async () => {
  const clock = new VirtualClock();
  const node = new Node(clock, { mostAtOnce: 1, perServer: undefined }, { tookMs: 50 });
  node.passes = true;
  node.add("10.0.0.1:80", 100 * SECOND);
  await clock.advance(1000);
  node.tookMs = 5000;
  node.add("10.0.0.2:80", 100 * SECOND);
  await clock.advance(100);
  node.tookMs = 50;
  const heard: string[] = [];
  node.scheduler.await(parseEndpoint("10.0.0.1:80"), {
    missing: () => heard.push("missing"),
    came: () => heard.push("came"),
  });
  await clock.advance(10 * SECOND);
  expect([heard, node.startsOf().get("10.0.0.1:80")?.length]).toEqual([[], 2]);
});

test("a thousand nodes ask one server no more than their budget, from their start on and when all notice its death at once", async () => {
  const clock = new VirtualClock();
  const nodes = Array.from({ length: 1000 }, (_, seed) => {
    const node = new Node(clock, { mostAtOnce: 256, perServer: { perSecond: 50, nodes: 1000 } }, { seed, tookMs: 5 });
    node.add("10.0.0.1:6443", SECOND);
    return node;
  });
  const perSecond = (fromMs: number, toMs: number): number[] => {
    const seconds = Array.from({ length: (toMs - fromMs) / SECOND }, () => 0);
    for (const node of nodes)
      for (const atMs of node.startsOf().get("10.0.0.1:6443") ?? []) {
        const second = Math.floor((atMs - fromMs) / SECOND);
        if (second >= 0 && second < seconds.length) seconds[second] = (seconds[second] ?? 0) + 1;
      }
    return seconds;
  };
  await clock.advance(60 * SECOND);
  // All of them started at one moment: none waits longer than ten seconds for its first check.
  expect(perSecond(0, 10 * SECOND).reduce((sum, one) => sum + one)).toBe(1000);
  expect(Math.max(...perSecond(0, 10 * SECOND))).toBeLessThan(2 * 100);
  const checks = perSecond(20 * SECOND, 60 * SECOND);
  expect(checks.reduce((sum, one) => sum + one) / checks.length).toBeCloseTo(50, 0);
  const calm = Math.max(...checks);
  for (const node of nodes) node.suspectAll();
  await clock.advance(40 * SECOND);
  expect(Math.max(...perSecond(60 * SECOND, 100 * SECOND))).toBeLessThanOrEqual(calm);
});

test("all checks of one server share its budget, in turns; another server has its own", async () => {
  const clock = new VirtualClock();
  const node = new Node(clock, { mostAtOnce: 256, perServer: { perSecond: 1, nodes: 2 } });
  for (let n = 0; n < 3; n++) node.add("10.0.0.1:80", SECOND, `kind ${n}`);
  node.add("10.0.0.2:80", SECOND);
  await clock.advance(60 * SECOND);
  const counts = [...node.startsOf().values()].map(({ length }) => length);
  expect(counts.map((count) => Math.abs(count - 10) <= 1).slice(0, 3)).toEqual([true, true, true]);
  expect(counts[3]).toBeGreaterThan(28);
});

test("another budget counts from now on", async () => {
  const clock = new VirtualClock();
  const node = new Node(clock, { mostAtOnce: 256, perServer: { perSecond: 1, nodes: 100 } });
  node.add("10.0.0.1:80", SECOND);
  await clock.advance(20 * SECOND);
  expect(node.startsOf().get("10.0.0.1:80")).toHaveLength(1);
  node.scheduler.keepTo(FREE);
  await clock.advance(10 * SECOND);
  expect(node.startsOf().get("10.0.0.1:80")?.length).toBeGreaterThanOrEqual(10);
  node.scheduler.keepTo({ mostAtOnce: 256, perServer: { perSecond: 1, nodes: 100 } });
  await clock.advance(20 * SECOND);
  expect(node.startsOf().get("10.0.0.1:80")?.length).toBeLessThanOrEqual(13);
});

// --- internal ---

/** One process that checks, and when it did. */
class Node {
  readonly scheduler: CheckScheduler;
  readonly waits: number[] = [];
  tookMs: number;
  /** A server that passed is checked at another moment of its interval. */
  passes = false;
  readonly #clock: VirtualClock;
  readonly #starts = new Map<string, number[]>();
  readonly #suspects: (() => void)[] = [];

  constructor(clock: VirtualClock, budget: CheckBudget, { seed = 1, tookMs = 1 } = {}) {
    this.#clock = clock;
    this.tookMs = tookMs;
    this.scheduler = new CheckScheduler({
      clock: {
        now: () => clock.now(),
        setTimeout: (fire, ms) => clock.setTimeout(fire, ms),
        clearTimeout: (timer) => clock.clearTimeout(timer as number),
      },
      jitter: 0,
      random: seededRandom(seed),
      budget,
      waited: (forMs) => this.waits.push(forMs),
    });
  }

  /** `passesAfterMs`: it answers well, after this time; undefined: as all others. */
  add(server: string, intervalMs: number, name = server, passesAfterMs?: number): void {
    const starts: number[] = [];
    this.#starts.set(name, starts);
    this.scheduler
      .with({
        open: (target, suspect) => {
          expect(formatEndpoint(target)).toBe(server);
          this.#suspects.push(suspect);
          return {
            check: (tell) => {
              starts.push(this.#clock.now());
              const passed = passesAfterMs === undefined ? this.passes : true;
              const latencyMs = passesAfterMs ?? this.tookMs;
              this.#clock.setTimeout(() => tell({ passed, reason: "as told", latencyMs }), latencyMs);
            },
            close: () => undefined,
          };
        },
      })
      .add(parseEndpoint(server), intervalMs, () => undefined);
  }

  suspectAll(): void {
    for (const suspect of this.#suspects) suspect();
  }

  /** When each check started. */
  startsOf(): ReadonlyMap<string, readonly number[]> {
    return this.#starts;
  }
}
