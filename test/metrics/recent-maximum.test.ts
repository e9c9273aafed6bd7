import { expect, test } from "bun:test";
import { RecentMaximum } from "../../src/metrics/recent-maximum.ts";

test("is the same for all who ask, and forgets what is a minute old", () => {
  const maximum = new RecentMaximum();
  expect(maximum.read(0)).toBe(0);
  maximum.note(7, 1000);
  maximum.note(3, 15_000);
  expect([maximum.read(15_000), maximum.read(15_000), maximum.read(59_000)]).toEqual([7, 7, 7]);
  expect([maximum.read(60_000), maximum.read(69_000), maximum.read(70_000)]).toEqual([3, 3, 0]);
  // In the place of the first.
  maximum.note(1, 61_000);
  expect([maximum.read(61_000), maximum.read(121_000)]).toEqual([3, 0]);
});
