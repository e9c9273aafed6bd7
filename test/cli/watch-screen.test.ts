import { expect, test } from "bun:test";
import { createPaint } from "../../src/cli/colour.ts";
import { compose, keysIn, press, redraw, type WatchState } from "../../src/cli/watch-screen.ts";
import { NOW, reportOf, virtualServerWith } from "./support/made-up-status.ts";

const START: WatchState = {
  top: 0,
  sort: undefined,
  all: true,
  onlyBad: false,
  wide: false,
  filter: "",
  isTyping: false,
  isOver: false,
};
const SIZE = { columns: 80, rows: 24 };
const REPORT = reportOf([virtualServerWith(1, 200, 2)]);
const VIEW = { now: NOW, paint: createPaint(true) };

test("the screen is as large as the terminal, whatever is shown", () => {
  for (const state of [START, { ...START, wide: true }, { ...START, top: 1000 }, { ...START, filter: "nothing" }]) {
    const { screen } = compose(REPORT, state, SIZE, VIEW);
    expect(screen).toHaveLength(24);
    expect(screen.filter((line) => Bun.stringWidth(line) > 80)).toEqual([]);
  }
});

test("what is chosen hides some keys on a narrow terminal, and never how to get away", () => {
  const bars = [START, { ...START, filter: "10.0.0", sort: "latency", onlyBad: true } as const].map((state) =>
    Bun.stripANSI(compose(REPORT, state, SIZE, VIEW).screen.at(-1) ?? ""),
  );
  expect(bars.map((bar) => bar.includes("q quit"))).toEqual([true, true]);
});

test("keys scroll, within what there is", () => {
  const { lines, page } = compose(REPORT, START, SIZE, VIEW);
  const at = (...keys: readonly string[]): number =>
    keys.reduce((state, key) => press(state, key, lines, page), START).top;
  expect(page).toBe(23);
  expect([at("j"), at("\u001B[B", "\u001B[B"), at("j", "k"), at("k")]).toEqual([1, 2, 0, 0]);
  expect([at(" "), at("\u001B[6~", "\u001B[5~"), at("G"), at("\u001B[F", "j"), at("G", "g")]).toEqual([
    page,
    0,
    lines - page,
    lines - page,
    0,
  ]);
  const bottom = compose(REPORT, { ...START, top: at("G") }, SIZE, VIEW);
  expect(Bun.stripANSI(bottom.screen.at(-1) ?? "")).toStartWith(`${lines - page + 1}-${lines} of ${lines} · `);
});

test("keys sort, filter and choose", () => {
  const after = (...keys: readonly string[]): WatchState =>
    keys.reduce((state, key) => press(state, key, 100, 20), START);
  expect([after("s").sort, after("s", "s").sort, after(..."sssss").sort]).toEqual(["trouble", "latency", "trouble"]);
  expect(after("a", "b", "w")).toMatchObject({ all: false, onlyBad: true, wide: true });
  expect(after(..."/qx", "\u007F", "\r", "j")).toMatchObject({ filter: "q", isTyping: false, top: 1, isOver: false });
  expect(after(..."/ab", "\u001B")).toMatchObject({ filter: "", isTyping: false });
  expect([after("q").isOver, after("\u0003").isOver, after("/", "\u0003").isOver]).toEqual([true, true, true]);
  const shown = compose(REPORT, after(..."/0.199", "\r"), SIZE, VIEW).screen.map((line) => Bun.stripANSI(line));
  expect(shown.filter((line) => line.startsWith("  10.1.0."))).toEqual([
    expect.stringContaining("10.1.0.199:8080"),
    expect.stringContaining("10.1.0.199:8080"),
    expect.stringContaining("10.1.0.199:8080"),
  ]);
});

test("only lines that changed are written", () => {
  const before = ["a", "b", "c"];
  expect(redraw(before, ["a", "B", "c"])).toBe("\u001B[?2026h\u001B[2;1HB\u001B[0m\u001B[K\u001B[?2026l");
  expect(redraw(before, ["a", "b", "c"])).toBe("");
  expect(redraw(before, ["a", "b"])).toContain("\u001B[2J");
});

test("keys that come together are told apart", () => {
  expect(keysIn("j\u001B[A\u001BOB\u001B[5~ü\u001B")).toEqual([
    "j",
    "\u001B[A",
    "\u001BOB",
    "\u001B[5~",
    "ü",
    "\u001B",
  ]);
});
