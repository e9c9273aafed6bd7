import { describe, expect, test } from "bun:test";
import { formatDuration, parseDuration } from "../../src/domain/duration.ts";

describe("duration", () => {
  test.each([
    ["10s", 10_000],
    ["1.5s", 1500],
    [".5s", 500],
    ["1m30s", 90_000],
    ["250ms", 250],
    ["100us", 0.1],
    ["2h", 7_200_000],
    ["0", 0],
    ["-5s", -5000],
    ["+1s", 1000],
  ])("reads %s as %p ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["10", "1.5", "s", "", "5 s", "5S", "1s-", "five"])("refuses %p", (text) => {
    expect(() => parseDuration(text)).toThrow("is not a duration");
  });

  test.each([
    [0.26, "0.26ms"],
    [3.06, "3.1ms"],
    [250.4, "250ms"],
    [2000, "2s"],
    [1500, "1.5s"],
    [59_000, "59s"],
    [200_000, "3m20s"],
    [7_500_000, "2h5m"],
    [3_600_000, "1h"],
    [356_400_000, "4d3h"],
  ])("writes %p ms as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
