import { expect, test } from "bun:test";
import { errnoOf, LvscareError, throwFailures } from "../../src/domain/errors.ts";

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

test("an errno is the system's: of our own errors it is the one they carry, and never their code", () => {
  expect(errnoOf(Object.assign(new Error("no such file"), { code: "ENOENT" }))).toBe("ENOENT");
  expect(errnoOf(new LvscareError("SOCKET_FAILED", "refused", { errno: "EMFILE" }))).toBe("EMFILE");
  expect(errnoOf(refused)).toBeUndefined();
  expect(errnoOf("ENOENT")).toBeUndefined();
});
