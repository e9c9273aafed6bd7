import { expect, test } from "bun:test";
import fc from "fast-check";
import { isMap, parseDocument, visit } from "yaml";
import { countPairs } from "../../../src/config/file/count-pairs.ts";

/** Keys as they are written, counted by the parser that knows places; undefined for what is no YAML. */
function written(text: string): number | undefined {
  const document = parseDocument(text, { uniqueKeys: false, logLevel: "error" });
  if (document.errors.length > 0) return undefined;
  let pairs = 0;
  visit(document, { Node: (_, node) => void (pairs += isMap(node) ? node.items.length : 0) });
  return pairs;
}

const piece = fc.constantFrom(
  ..."a: 1\n|- b\n|  |    |{|}|[|]|, |: |:|? |# x\n|'|\"|''|\\\"|\n|\r\n|key|: |\n\n|&x |*x|!!str |- |-|>-\n|: |\n  text: a\n|\"q\": |'p':|a:b|it's|, ".split(
    "|",
  ),
  ": |\n",
  "|",
);

test("never counts fewer keys than a text has, whatever its quotes, braces and blocks of text", () => {
  let known = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const text = pieces.join("");
      const pairs = written(text);
      if (pairs === undefined) return;
      known += pairs > 0 ? 1 : 0;
      expect(countPairs(text)).toBeGreaterThanOrEqual(pairs);
    }),
    { numRuns: 2000 },
  );
  expect(known).toBeGreaterThan(100);
});

test("a block of text of an empty key ends where that key's map goes on", () => {
  expect(countPairs("? : |\n\n  text: a\n")).toBeGreaterThanOrEqual(written("? : |\n\n  text: a\n") ?? 9);
});

test.each([
  ["blocks", "a: 1\nb:\n- c: 2\n  d: [x, y]\n- - e: 3\n"],
  ["braces", "{a, b: {c: 1, 'd':2}, e: [f: 1, {g}], \"h\":[]}"],
  ["JSON", '{"a":1,"b":{"c":[1,{"d":2}],"e":"x: y, {z"}}'],
  ["blocks of text", "a: |\n  b: 1\n  c: 2\nd: >-\n   x: y\n- name: |+2\n   p: q\n  address: 1\n"],
  ["quotes and comments", "a: it's\nb: 'x: ''y: '' z' # c: d\n# e: f\nc: \"x: \\\" y: \"\n"],
  ["anchors and tags", "a: &x {b: 1}\nc: *x\nd: !!str 'e: f'\ng: &y |\n  h: i\n"],
  ["colons in values", "a: http://x:80/y\nb: 10.0.0.1:80\nc: 1:2\nd: [10.0.0.1:80, 'e: f']\n"],
])("counts exactly the keys of ordinary texts: %s", (_, text) => {
  const pairs = written(text);
  if (pairs !== undefined) expect(countPairs(text)).toBe(pairs);
  expect(countPairs(text)).toBeGreaterThan(2);
});
