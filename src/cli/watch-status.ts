import { localIso } from "../app/local-iso.ts";
import type { StatusReport } from "../domain/status.ts";
import type { CliContext } from "./cli-context.ts";
import { createPaint } from "./colour.ts";
import { exitNow } from "./exit.ts";
import { Keyboard } from "./keyboard.ts";
import { formatData } from "./output.ts";
import type { StatusView } from "./status-view.ts";
import { changedServers } from "./status-text.ts";
import { isCutShort, listenForStop, pause, watchReader } from "./stopping.ts";
import { compose, ENTER_SCREEN, LEAVE_SCREEN, press, redraw, type WatchState } from "./watch-screen.ts";

export interface WatchOptions extends Pick<StatusView, "all" | "onlyBad" | "sort"> {
  readonly format: "table" | "wide" | "json" | "yaml";
}

/** Until Ctrl-C or q, or until the reader is gone; returns the last report. */
export async function watchStatus(
  read: () => Promise<StatusReport>,
  options: WatchOptions,
  context: CliContext,
): Promise<StatusReport> {
  await context.neverBlock();
  const { format } = options;
  const isData = format === "json" || format === "yaml";
  if (!isData && context.columns !== undefined) return drawStatus(read, options, context);
  using stop = listenForStop(() => exitNow(1));
  using readers = watchReader(context.out);
  const over = AbortSignal.any([stop.signal, readers.signal]);
  let before: StatusReport | undefined;
  for (;;) {
    const report = await read();
    const changes = changedServers(before, report);
    const isNews = before === undefined || changes.length > 0;
    let text = "";
    if (!isData) text = changes.map((line) => `${localIso(new Date().toISOString())}  ${line}\n`).join("");
    else if (isNews) text = format === "json" ? `${JSON.stringify(report)}\n` : `---\n${formatData(report, format)}`;
    before = report;
    if (await isCutShort(context.out.write(text), over)) return report;
    if (context.out.isUnread || (await pause(WATCH_MS, over))) return report;
  }
}

// --- internal ---

const WATCH_MS = 1000;

/** On a terminal: one screen that is kept up to date, and keys where somebody can press them. */
async function drawStatus(
  read: () => Promise<StatusReport>,
  { format, all = false, onlyBad = false, sort }: WatchOptions,
  context: CliContext,
): Promise<StatusReport> {
  using stop = listenForStop(() => exitNow(1));
  using readers = watchReader(context.out);
  const over = AbortSignal.any([stop.signal, readers.signal]);
  const paint = createPaint(context.outColour);
  let report = await read();
  let state: WatchState = {
    top: 0,
    sort,
    // Of one virtual server all can be scrolled to.
    all: all || report.virtualServers.length === 1,
    onlyBad,
    wide: format === "wide",
    filter: "",
    isTyping: false,
    isOver: false,
  };
  using keyboard = Keyboard.open();
  let drawn: readonly string[] | undefined;
  let readAtMs = performance.now();
  await context.out.write(ENTER_SCREEN);
  try {
    for (;;) {
      const size = { columns: context.columns ?? 80, rows: context.rows ?? 24 };
      const { screen, lines, page } = compose(report, state, size, { now: new Date(), paint });
      if (await isCutShort(context.out.write(redraw(drawn, screen)), over)) return report;
      drawn = screen;
      if (context.out.isUnread || over.aborted) return report;
      const restMs = Math.max(0, WATCH_MS - (performance.now() - readAtMs));
      if (keyboard === undefined) {
        if (await pause(restMs, over)) return report;
      } else {
        for (const key of await keyboard.next(restMs, over)) state = press(state, key, lines, page);
        if (state.isOver) return report;
      }
      if (performance.now() - readAtMs < WATCH_MS) continue;
      report = await read();
      readAtMs = performance.now();
    }
  } finally {
    if (!context.out.isUnread) await context.out.write(LEAVE_SCREEN);
  }
}
