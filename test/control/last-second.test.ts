import { expect, test } from "bun:test";
import { LastSecond } from "../../src/control/last-second.ts";

test("is read anew some times a second, and is never older than that", async () => {
  const { reading, readings, at } = read(0);
  for (let ask = 0; ask < 1000; ask++) await reading.get();
  expect(readings()).toBeWithin(10, 100);
  const before = readings();
  at(999);
  expect(await reading.get()).toBe(before);
  at(1000);
  expect(await reading.get()).toBe(before + 1);
});

test("is read seldom where that takes long", async () => {
  const { reading, readings, at } = read(40);
  for (let ask = 0; ask < 10; ask++) await reading.get();
  expect(readings()).toBe(2);
  at(5000);
  for (let ask = 0; ask < 10; ask++) await reading.get();
  expect(readings()).toBe(4);
});

test("is read once for those who ask at the same time, and anew after a failure in the next second", async () => {
  let nowMs = 0;
  let readings = 0;
  const reading = new LastSecond(
    async () => {
      if (++readings === 1) throw new Error("no answer");
      return readings;
    },
    () => nowMs,
  );
  const both = await Promise.allSettled([reading.get(), reading.get()]);
  expect([both.map(({ status }) => status), readings]).toEqual([["rejected", "rejected"], 1]);
  nowMs = 1000;
  expect(await reading.get()).toBe(2);
});

// --- internal ---

/** What is read is how often it was. */
function read(tookMs: number) {
  let nowMs = 0;
  let readings = 0;
  const reading = new LastSecond(
    async () => {
      nowMs += tookMs;
      return ++readings;
    },
    () => nowMs,
  );
  return { reading, readings: () => readings, at: (ms: number) => (nowMs = ms) };
}
