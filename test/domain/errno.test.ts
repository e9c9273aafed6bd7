import { expect, test } from "bun:test";
import { constants } from "node:os";
import { errnoName } from "../../src/domain/errno.ts";

test.each([
  [2, "ENOENT"],
  [11, "EAGAIN"],
  [85, "ERESTART"],
  [94, "ESOCKTNOSUPPORT"],
  [95, "EOPNOTSUPP"],
  [96, "EPFNOSUPPORT"],
  [105, "ENOBUFS"],
  [112, "EHOSTDOWN"],
  [524, "ENOTSUPP"],
  [999, "errno 999"],
])("%d is %s", (number, name) => {
  expect(errnoName(number)).toBe(name);
});

test("every number of the runtime has a name", () => {
  expect(
    Object.values(constants.errno)
      .map(errnoName)
      .filter((name) => name.startsWith("errno")),
  ).toEqual([]);
});
