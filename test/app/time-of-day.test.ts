import { expect, test } from "bun:test";
import { timeOfDay } from "../../src/app/time-of-day.ts";

test("a moment keeps its time of day until the clock is set", () => {
  let [now, clock] = [5000, Date.UTC(2026, 10, 24, 10)];
  const told = timeOfDay(
    () => now,
    () => clock,
  );
  expect(told(4000).toISOString()).toBe("2026-11-24T09:59:59.000Z");
  [now, clock] = [now + 1000.4, clock + 1001];
  expect(told(4000).toISOString()).toBe("2026-11-24T09:59:59.000Z");
  clock += 3_600_000;
  expect(told(4000).toISOString()).toBe("2026-11-24T10:59:59.000Z");
});

test("a process that is held up between a look at one clock and at the other takes that for no setting of the clock", () => {
  let [now, heldUpMs] = [5000, 0];
  const told = timeOfDay(
    () => {
      now += heldUpMs;
      heldUpMs = 0;
      return now;
    },
    () => Date.UTC(2026, 10, 24, 10) + now,
  );
  const before = told(4000);
  heldUpMs = 5000;
  expect(told(4000)).toEqual(before);
  expect(told(4000)).toEqual(before);
});
