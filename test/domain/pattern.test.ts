import { expect, test } from "bun:test";
import { readPattern } from "../../src/domain/pattern.ts";

const SOURCES = [
  "abc",
  "a.c",
  "^ok$",
  "a|bc|",
  "(ab)+c",
  "(?:a|b)*c?",
  "[a-c]+[^a-c]",
  "[]a-]x",
  "[\\]\\-a]x",
  "\\d{2,3}",
  "a{2}",
  "a{2,}b",
  "\\w+@\\w+\\.\\w+",
  "\\S\\s\\D\\W",
  "[\\d\\s]+$",
  "[^\\D]",
  '"ok":\\s*true',
  "x*?y",
  "(a*)*b",
  "(a|aa)+$",
  "\\x41\\t",
  "()",
  "^$",
  "$^",
  "(a$|b)c?",
  "a{0}b",
];

const TEXTS = [
  "",
  "abc",
  "abababc",
  "ok",
  "ok\n",
  "aaaa",
  "aab",
  "]x",
  "-x",
  "12",
  "a1 2 ",
  "me@example.org",
  '{"ok": true}',
  "A\t",
  "x\ny",
  "zzzy",
];

test.each(SOURCES)("%s finds what the runtime's own expressions find", (source) => {
  const pattern = readPattern(source);
  if ("problem" in pattern) throw new Error(pattern.problem);
  // Without "]" first in a class, and with "$" at the very end alone, as here.
  const own = new RegExp(source.replace("[]", "[\\]"));
  const found = TEXTS.filter((text) => own.test(text));
  expect(TEXTS.filter((text) => pattern.isIn(text))).toEqual(found);
  const inPieces = TEXTS.filter((text) => {
    const search = pattern.search();
    return [...text].some((piece) => search.feed(piece)) || search.end();
  });
  expect(inPieces).toEqual(found);
});

test("random expressions find what the runtime's own find", () => {
  const random = pieces(20_261_130);
  for (let round = 0; round < 2000; round++) {
    const source = random.expression(3);
    const pattern = readPattern(source);
    if ("problem" in pattern) throw new Error(`${source}: ${pattern.problem}`);
    const text = random.text();
    expect([source, text, pattern.isIn(text)]).toEqual([source, text, new RegExp(source).test(text)]);
  }
});

test("says as soon as it is sure", () => {
  const pattern = readPattern("b+c|d$");
  if ("problem" in pattern) throw new Error(pattern.problem);
  const search = pattern.search();
  expect([..."abdbbc"].map((piece) => search.feed(piece))).toEqual([false, false, false, false, false, true]);
});

test("ignores case when asked to", () => {
  const pattern = readPattern("(?i)Ready[A-C]");
  expect("isIn" in pattern && [pattern.isIn("rEADYb"), pattern.isIn("readyd")]).toEqual([true, false]);
});

test.each([
  ["(a)\\1", '"\\1" at character 4 would have to go back in the text, or is unknown'],
  ["(?=a)", '"(?=" at character 1 would have to go back in the text, or is unknown'],
  ["(?<n>a)", '"(?<" at character 1 would have to go back in the text, or is unknown'],
  ["a\\b", '"\\b" at character 2 would have to go back in the text, or is unknown'],
  ["(a", '"(" at character 1 is not closed'],
  ["a)", '")" at character 2 closes nothing'],
  ["[a", '"[" at character 1 is not closed'],
  ["[b-a]", 'a range in "[" at character 1 ends before it begins'],
  ["*a", '"*" at character 1 repeats nothing'],
  ["a**", "two repetitions meet at character 3"],
  ["a{3,2}", "{3,2} ends before it begins"],
  ["a{201}", "{201} is more than 200 times"],
  ["(a{50}){50}", "it has more than 500 parts, repetitions counted"],
  ["\\", '"\\" at the end escapes nothing'],
])("refuses %s: %s", (source, problem) => {
  expect(readPattern(source)).toEqual({ problem });
});

/** Whoever goes back needs as many steps as there are ways to cut the text into pieces, more than there is time for. */
test("a text that leads others astray costs no more than any other", () => {
  const pattern = readPattern("(a|a|aa)*(a+)+b");
  expect("isIn" in pattern && pattern.isIn("a".repeat(65_536))).toBe(false);
});

// --- internal ---

function pieces(seed: number) {
  let state = seed;
  const below = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % most;
  };
  const expression = (depth: number): string => {
    const kind = below(depth === 0 ? 3 : 7);
    if (kind < 2) return "abc"[below(3)] ?? "";
    if (kind === 2) return ["[ab]", "[^a]", ".", "\\w", "\\D"][below(5)] ?? "";
    if (kind === 3) return `${expression(depth - 1)}|${expression(depth - 1)}`;
    if (kind === 4) return `(?:${expression(depth - 1)})${["*", "+", "?", "{1,2}", "{2}"][below(5)]}`;
    if (kind === 5) return `^(${expression(depth - 1)})`;
    return `${expression(depth - 1)}(${expression(depth - 1)})`;
  };
  const text = (): string => Array.from({ length: below(7) }, () => "abc1"[below(4)]).join("");
  return { expression, text };
}
