import { expect, test } from "bun:test";
import { daysReached, nextReachedMs, type CertificateFacts } from "../../src/domain/certificate.ts";

const DAY_MS = 86_400_000;

/** Valid for so many days from day 0 on. */
function certificate(days: number): CertificateFacts {
  return { fingerprint: "AA", subject: "s", issuer: "i", names: [], notBeforeMs: 0, notAfterMs: days * DAY_MS };
}

test.each([
  [365, [335, 358, 364, 365]],
  [90, [60, 83, 89, 90]],
  // Who renews it each week, day or hour gets no warning from the start.
  [60, [53, 59, 60]],
  [14, [13, 14]],
  [2, [2]],
  [1 / 24, [1 / 24]],
])("of a certificate for %p days something is told on the days %p", (days, told) => {
  const one = certificate(days);
  const reached: number[] = [];
  for (let ms = nextReachedMs(one, 0); Number.isFinite(ms); ms = nextReachedMs(one, ms)) reached.push(ms / DAY_MS);
  expect(reached).toEqual([...told]);
  expect(told.map((day) => daysReached(one, day * DAY_MS))).toEqual([30, 7, 1, 0].slice(-told.length));
  const before = told.map((day) => daysReached(one, day * DAY_MS - 1));
  expect(before).toEqual([undefined, ...[30, 7, 1].slice(4 - told.length)]);
});

test("one that expired long ago has reached the last day, and nothing is to come", () => {
  expect(daysReached(certificate(90), 900 * DAY_MS)).toBe(0);
  expect(nextReachedMs(certificate(90), 900 * DAY_MS)).toBe(Number.POSITIVE_INFINITY);
});
