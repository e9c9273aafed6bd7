import { expect, test } from "bun:test";
import { createPaint, wantsColour } from "../../src/cli/colour.ts";

test.each([
  [true, {}, true],
  [true, { NO_COLOR: "" }, true],
  [true, { NO_COLOR: "1" }, false],
  [true, { NO_COLOR: "0" }, false],
  [true, { TERM: "dumb" }, false],
  [false, {}, false],
] as const)("a terminal (%p) with %j wants colour: %p", (isTTY, environment, wanted) => {
  expect(wantsColour(isTTY, environment)).toBe(wanted);
});

test("paint resets what it sets, and leaves empty text empty", () => {
  const paint = createPaint(true);
  expect(paint("red", "down")).toBe("\u001B[31mdown\u001B[0m");
  expect(paint("red", "")).toBe("");
  expect(createPaint(false)("red", "down")).toBe("down");
});
