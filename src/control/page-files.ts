import board from "./page/board.js" with { type: "text" };
import card from "./page/card.js" with { type: "text" };
import connection from "./page/connection.js" with { type: "text" };
import clock from "./page/daemon-clock.js" with { type: "text" };
import elements from "./page/elements.js" with { type: "text" };
import facts from "./page/facts.js" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import html from "./page/index.html" with { type: "text" };
import main from "./page/main.js" with { type: "text" };
import merge from "./page/merge.js" with { type: "text" };
import style from "./page/page.css" with { type: "text" };
import sparkline from "./page/sparkline.js" with { type: "text" };
import timeline from "./page/timeline.js" with { type: "text" };
import words from "./page/words.js" with { type: "text" };

export interface PageFile {
  readonly text: string;
  readonly type: string;
}

/** The page's files by their path in the served folder. */
export const PAGE_FILES: ReadonlyMap<string, PageFile> = new Map([
  // The types of Bun take it for a page that its bundler is to build.
  ["/", { text: html as unknown as string, type: "text/html; charset=utf-8" }],
  ["/page/page.css", { text: style, type: "text/css; charset=utf-8" }],
  ["/page/icon.svg", { text: icon, type: "image/svg+xml" }],
  // How well a virtual server serves is seen from among other tabs.
  ...Object.entries({ serving: "#14532d", degraded: "#92600a", "fail-open": "#92600a", nobody: "#991b1b" }).map(
    ([condition, colour]) =>
      [`/page/icon-${condition}.svg`, { text: icon.replace("#14532d", colour), type: "image/svg+xml" }] as const,
  ),
  ...Object.entries({
    board,
    card,
    connection,
    "daemon-clock": clock,
    elements,
    facts,
    main,
    merge,
    sparkline,
    timeline,
    words,
  }).map(([name, text]) => [`/page/${name}.js`, { text, type: "text/javascript; charset=utf-8" }] as const),
]);
