import type { StatusReport } from "../domain/status.ts";
import type { Paint } from "./colour.ts";
import { SORTS, type Sort } from "./status-order.ts";
import { renderStatus } from "./status-table.ts";
import type { StatusView } from "./status-view.ts";

/** What a person at `status --watch` has chosen. */
export interface WatchState {
  /** The first line shown. */
  readonly top: number;
  readonly sort: Sort | undefined;
  readonly all: boolean;
  readonly onlyBad: boolean;
  readonly wide: boolean;
  readonly filter: string;
  /** The filter is being typed. */
  readonly isTyping: boolean;
  readonly isOver: boolean;
}

/** The room that there is. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** What a key does. `lines`: of the whole, as it was drawn last; `page`: how many of them fit. */
export function press(state: WatchState, key: string, lines: number, page: number): WatchState {
  if (key === "\u0003") return { ...state, isOver: true };
  if (state.isTyping) return typed(state, key);
  const step = STEPS.get(key);
  if (step !== undefined) {
    const top = { line: state.top + step.by, page: state.top + step.by * page, end: step.by < 0 ? 0 : lines }[
      step.unit
    ];
    return { ...state, top: within(top, lines, page) };
  }
  switch (key) {
    case "q":
      return { ...state, isOver: true };
    case "s":
      return { ...state, top: 0, sort: SORTS[(SORTS.indexOf(state.sort ?? "name") + 1) % SORTS.length] };
    case "a":
      return { ...state, top: 0, all: !state.all };
    case "b":
      return { ...state, top: 0, onlyBad: !state.onlyBad };
    case "w":
      return { ...state, top: 0, wide: !state.wide };
    case "/":
      return { ...state, top: 0, isTyping: true };
    case ESCAPE:
      return { ...state, top: 0, filter: "" };
    default:
      return state;
  }
}

/** The lines of the screen, the last of them telling what can be done; and how many lines there are in all. */
export function compose(
  report: StatusReport,
  state: WatchState,
  { columns, rows }: ScreenSize,
  { now, paint }: Pick<StatusView, "now" | "paint">,
): { readonly screen: readonly string[]; readonly lines: number; readonly page: number } {
  const { sort, all, onlyBad, wide, filter } = state;
  const text = renderStatus(report, {
    now,
    width: columns,
    paint,
    wide,
    all: all || filter !== "",
    onlyBad,
    sort,
    filter,
  });
  const lines = text.trimEnd().split("\n");
  const page = Math.max(1, rows - 1);
  const top = within(state.top, lines.length, page);
  const body = lines.slice(top, top + page);
  const blank = Array.from({ length: page - body.length }, () => "");
  const bar = describe(state, top, lines.length, { columns, rows: page }, paint);
  return {
    screen: [...body, ...blank, bar].map((line) => Bun.sliceAnsi(line, 0, columns)),
    lines: lines.length,
    page,
  };
}

/** What has to be written for the terminal to show this instead of that: lines that stay are not touched. */
export function redraw(before: readonly string[] | undefined, screen: readonly string[]): string {
  const isAnew = before?.length !== screen.length;
  const changed = screen.flatMap((line, at) =>
    !isAnew && before?.[at] === line ? [] : [`\u001B[${at + 1};1H${line}\u001B[0m\u001B[K`],
  );
  if (changed.length === 0) return "";
  return `${BEGIN_UPDATE}${isAnew ? "\u001B[2J" : ""}${changed.join("")}${END_UPDATE}`;
}

/** The other screen of the terminal, without a cursor; and back to what was there before. */
export const ENTER_SCREEN = "\u001B[?1049h\u001B[?25l";
export const LEAVE_SCREEN = "\u001B[?25h\u001B[?1049l";

/** A terminal may send several at once. */
export function keysIn(text: string): readonly string[] {
  return text.match(KEYS) ?? [];
}

// --- internal ---

/** Terminals that know this show nothing half drawn; others ignore it. */
const BEGIN_UPDATE = "\u001B[?2026h";
const END_UPDATE = "\u001B[?2026l";

const ESCAPE = "\u001B";

/** Sequences of those that have one (ECMA-48: CSI; SS3 in application mode), else a character. */
const KEYS = new RegExp(String.raw`${ESCAPE}\[[\d;]*[A-Za-z~]|${ESCAPE}O[A-Za-z]|[^]`, "gu");

interface Step {
  readonly unit: "line" | "page" | "end";
  readonly by: 1 | -1;
}

const STEPS: ReadonlyMap<string, Step> = new Map<string, Step>([
  ...["\u001B[A", "\u001BOA", "k"].map((key): [string, Step] => [key, { unit: "line", by: -1 }]),
  ...["\u001B[B", "\u001BOB", "j"].map((key): [string, Step] => [key, { unit: "line", by: 1 }]),
  ...["\u001B[5~", "\u0002"].map((key): [string, Step] => [key, { unit: "page", by: -1 }]),
  ...["\u001B[6~", "\u0006", " "].map((key): [string, Step] => [key, { unit: "page", by: 1 }]),
  ...["\u001B[H", "\u001BOH", "\u001B[1~", "g"].map((key): [string, Step] => [key, { unit: "end", by: -1 }]),
  ...["\u001B[F", "\u001BOF", "\u001B[4~", "G"].map((key): [string, Step] => [key, { unit: "end", by: 1 }]),
]);

const LONGEST_FILTER = 60;

const SEPARATOR = " · ";
const QUIT = "q quit";
/** The longest that there is room for is shown. */
const KEY_LINES = [
  `↑↓ scroll · / filter · s sort · b bad · a all · w wide · ${QUIT}`,
  `${QUIT} · ↑↓ scroll · / filter · s sort · b bad`,
  `${QUIT} · ↑↓ scroll · / filter`,
];

function typed(state: WatchState, key: string): WatchState {
  if (key === "\r" || key === "\n") return { ...state, isTyping: false };
  if (key === ESCAPE) return { ...state, isTyping: false, filter: "" };
  if (key === "\u007F" || key === "\b") return { ...state, filter: [...state.filter].slice(0, -1).join("") };
  const isText = !/^\p{C}/u.test(key) && state.filter.length < LONGEST_FILTER;
  return isText ? { ...state, top: 0, filter: state.filter + key } : state;
}

function within(top: number, lines: number, page: number): number {
  return Math.max(0, Math.min(top, lines - page));
}

/** Where it is full, what is chosen hides keys that may be tried out, and never how to get away. */
function describe(state: WatchState, top: number, lines: number, room: ScreenSize, paint: Paint): string {
  const { filter, isTyping, sort, onlyBad } = state;
  const { columns, rows: page } = room;
  if (isTyping) return `${paint("bold", `/${filter}`)}▏ Enter: keep, Esc: no filter`;
  const facts = [
    ...(lines > page ? [`${top + 1}-${Math.min(lines, top + page)} of ${lines}`] : []),
    ...(filter === "" ? [] : [`/${filter}`]),
    ...(sort === undefined ? [] : [`by ${sort}`]),
    ...(onlyBad ? ["only bad"] : []),
  ];
  const told = facts.join(", ");
  const left = columns - Bun.stringWidth(told);
  const keys = KEY_LINES.find((line) => Bun.stringWidth(line) + SEPARATOR.length <= left) ?? QUIT;
  return told === "" ? paint("grey", keys) : `${paint("bold", told)}${SEPARATOR}${paint("grey", keys)}`;
}
