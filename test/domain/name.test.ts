import { expect, test } from "bun:test";
import { describeNamed, isCalled, isName, listFirst } from "../../src/domain/name.ts";
import { describeElsewhere } from "../../src/domain/status.ts";

test.each(["web", "web-1", "1", "A9", "x".repeat(63)])("%s is a name", (text) => {
  expect(isName(text)).toBe(true);
});

test.each(["", "-web", "web-", "web.local", "web_1", "x".repeat(64), "10.0.0.1:80", "[fd00::1]:80", "wéb"])(
  "%s is none",
  (text) => {
    expect(isName(text)).toBe(false);
  },
);

test("what has a name is called by it or by its address", () => {
  const web = { address: "10.0.0.1:80", name: "web" };
  expect([isCalled("web", web), isCalled("10.0.0.1:80", web), isCalled("api", web)]).toEqual([true, true, false]);
  expect(describeNamed(web)).toBe("web (10.0.0.1:80)");
  expect(describeNamed({ address: "10.0.0.1:80" })).toBe("10.0.0.1:80");
});

test("of many only the first ten are listed, in an error and of a daemon elsewhere", () => {
  const all = Array.from({ length: 11 }, (_, at) => String(at));
  expect(listFirst(all)).toBe("0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …");
  expect(listFirst(all.slice(0, 2), " and ")).toBe("0 and 1");
  expect(
    describeElsewhere({ protocol: "tcp", address: "10.0.0.1:80", others: 999, networkNamespace: "4", process: 7 }),
  ).toBe(
    "a daemon in another network namespace cares for 10.0.0.1:80 and 999 more: nsenter --target 7 --net lvscare status",
  );
});
