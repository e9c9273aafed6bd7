import { expect, test } from "bun:test";
import { LvscareError, throwFailures } from "../../src/domain/errors.ts";

const refused = new LvscareError("NOT_PERMITTED", "not permitted", { operation: "remove a route", remedy: "be root" });

test("nothing failed, nothing is thrown", () => {
  expect(() => throwFailures([])).not.toThrow();
});

test("a single failure stays what it is", () => {
  expect(() => throwFailures([refused])).toThrow(refused);
});

test("several are told together, each with what was done and what to do", () => {
  expect(() => throwFailures([refused, new Error("no such file")])).toThrow(
    "remove a route: not permitted (be root); no such file",
  );
});
