import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { editDistance, nearestName } from "../../src/config/nearest-name.ts";

test.each([
  ["heath-path", "health-path"],
  ["HEALTH_PATH", "health-path"],
  ["helth-pth", "health-path"],
  ["vss", "vs"],
  ["completely-different", undefined],
  ["", undefined],
  ["x".repeat(1000), undefined],
])("%s means %s", (typed, name) => {
  expect(nearestName(typed, ["vs", "rs", "health-path", "health-timeout"])).toBe(name);
});

describe("editDistance", () => {
  test.each([
    ["", "", 0],
    ["", "abc", 3],
    ["kitten", "sitting", 3],
    ["flaw", "lawn", 2],
  ])("of %j and %j is %d", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  test("is a metric", () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });
});
