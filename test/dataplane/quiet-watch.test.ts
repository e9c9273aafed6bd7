import { expect, test } from "bun:test";
import { QuietWatch } from "../../src/dataplane/quiet-watch.ts";
import { VirtualClock } from "../../src/simulation/virtual-clock.ts";

test("those that began at any time share few turns of an interval, and none waits for longer than that", async () => {
  const clock = new VirtualClock();
  const watch = new QuietWatch(clock);
  const looks = new Map<number, number[]>();
  for (let one = 0; one < 40; one++) {
    const atMs: number[] = [clock.now()];
    looks.set(one, atMs);
    const look = (): Promise<boolean> => {
      atMs.push(clock.now());
      return Promise.resolve(true);
    };
    watch.join(1000, { isAsKnown: look }, () => undefined);
    await clock.advance(23);
  }
  await clock.advance(5000);
  expect(new Set([...looks.values()].flatMap((atMs) => atMs.slice(-1))).size).toBeLessThanOrEqual(4);
  for (const atMs of looks.values()) {
    const pauses = atMs.slice(1).map((now, index) => now - (atMs[index] ?? 0));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1050);
  }
});

test("what is quiet is looked at in each interval, those of many in one turn, and no longer once it deviates", async () => {
  const clock = new VirtualClock();
  const watch = new QuietWatch(clock);
  const looks: (readonly [name: string, atMs: number])[] = [];
  const told: string[] = [];
  const deviating = new Set<string>();
  const join = (name: string, everyMs: number) =>
    watch.join(
      everyMs,
      {
        isAsKnown: async () => {
          looks.push([name, clock.now()]);
          if (deviating.has(`${name} cannot be read`)) throw new Error("on purpose");
          return !deviating.has(name);
        },
      },
      () => void told.push(name),
    );
  const timesOf = (name: string): number[] => looks.flatMap(([one, atMs]) => (one === name ? [atMs] : []));

  join("a", 1000);
  await clock.advance(20);
  join("b", 1000);
  const left = join("c", 1000);
  left.leave();
  join("slow", 3000);
  await clock.advance(3480);
  expect(timesOf("a")).toHaveLength(3);
  expect(timesOf("b")).toEqual(timesOf("a"));
  expect(timesOf("slow")).toHaveLength(1);
  expect(timesOf("c")).toEqual([]);
  expect(told).toEqual([]);

  deviating.add("a").add("slow cannot be read");
  await clock.advance(10_000);
  expect(told.toSorted()).toEqual(["a", "slow"]);
  expect(timesOf("a")).toHaveLength(4);
  expect(timesOf("slow")).toHaveLength(2);
  expect(timesOf("b").length).toBeGreaterThanOrEqual(13);
});
