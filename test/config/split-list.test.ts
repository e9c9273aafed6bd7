import { expect, test } from "bun:test";
import fc from "fast-check";
import { splitList } from "../../src/config/split-list.ts";

test.each([
  ["", []],
  ["  ", []],
  ["a", ["a"]],
  ["a,b", ["a", "b"]],
  [" a , b ", ["a", "b"]],
  ['"a,b",c', ["a,b", "c"]],
  ['a, "b"', ["a", "b"]],
  ['"say ""hi"""', ['say "hi"']],
  ["a,,b,", ["a", "", "b", ""]],
  ['"",a', ["", "a"]],
])("splits %j", (text, entries) => {
  expect(splitList(text)).toEqual(entries);
});

test.each(['"a', 'a"', 'a"b"', '"a"b'])("refuses %j", (text) => {
  expect(() => splitList(text)).toThrow("do not match");
});

test("quoting brings any entries back", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1 }), (entries) => {
      const text = entries.map((entry) => `"${entry.replaceAll('"', '""')}"`).join(",");
      expect(splitList(text)).toEqual(entries);
    }),
  );
});
