import { expect, test } from "bun:test";
import { QuietWatch } from "../../src/dataplane/quiet-watch.ts";
import { VirtualClock } from "../../src/simulation/virtual-clock.ts";

test("what is quiet is looked at in each interval, those of many in one turn, and no longer once it deviates", async () => {
  const clock = new VirtualClock();
  const watch = new QuietWatch(clock);
  const looks: (readonly [name: string, atMs: number])[] = [];
  const told: string[] = [];
  const deviating = new Set<string>();
  const join = (name: string, everyMs: number) =>
    watch.join(
      everyMs,
      async () => {
        looks.push([name, clock.now()]);
        if (deviating.has(`${name} cannot be read`)) throw new Error("on purpose");
        return !deviating.has(name);
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
