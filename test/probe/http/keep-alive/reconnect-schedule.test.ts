import { expect, test } from "bun:test";
import { ReconnectSchedule } from "../../../../src/probe/http/keep-alive/reconnect-schedule.ts";

test.each([
  ["a second", 1000, false, 10],
  ["half a minute", 30_000, false, 1],
  ["half a minute, to spare the server", 30_000, true, 10],
])("with checks every %s, one makes a new connection in so many", (_, everyMs, isPaced, oneIn) => {
  const schedule = new ReconnectSchedule(() => isPaced);
  let made = 0;
  const checks = 1000;
  for (let check = 0; check < checks; check++) {
    const nowMs = check * everyMs;
    if (check === 0 || schedule.isDue(nowMs)) {
      schedule.made(nowMs);
      made++;
    } else schedule.spared(nowMs);
  }
  expect(Math.round(checks / made)).toBe(oneIn);
});
