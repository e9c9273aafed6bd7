import base from "./page/base.css" with { type: "text" };
import checkBar from "./page/check-bar.js" with { type: "text" };
import commands from "./page/commands.js" with { type: "text" };
import connection from "./page/connection.js" with { type: "text" };
import clock from "./page/daemon-clock.js" with { type: "text" };
import elements from "./page/elements.js" with { type: "text" };
import facts from "./page/facts.js" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import html from "./page/index.html" with { type: "text" };
import main from "./page/main.js" with { type: "text" };
import marks from "./page/marks.js" with { type: "text" };
import merging from "./page/merge.js" with { type: "text" };
import overview from "./page/overview.js" with { type: "text" };
import rates from "./page/rates.js" with { type: "text" };
import serverDetails from "./page/server-details.js" with { type: "text" };
import server from "./page/server.js" with { type: "text" };
import serversStyle from "./page/servers.css" with { type: "text" };
import servers from "./page/servers.js" with { type: "text" };
import standing from "./page/standing.js" with { type: "text" };
import timelineStyle from "./page/timeline.css" with { type: "text" };
import timeline from "./page/timeline.js" with { type: "text" };
import verdictStyle from "./page/verdict.css" with { type: "text" };
import verdict from "./page/verdict.js" with { type: "text" };
import words from "./page/words.js" with { type: "text" };

export interface PageFile {
  readonly text: string;
  readonly type: string;
}

/** How well it serves is seen from among other tabs, by shape and by colour. */
const ICONS = {
  serving: ["#0a6b3c", "M4 8.5l2.8 2.8L12 5"],
  degraded: ["#8a5600", "M8 3.5v5.5M8 11.8v.7"],
  "fail-open": ["#67429c", "M8 2.5l5.5 5.5L8 13.5 2.5 8zM8 6v2.5"],
  nobody: ["#b0231c", "M4.5 4.5l7 7M11.5 4.5l-7 7"],
  unknown: ["#565f6c", "M5.5 6a2.5 2.5 0 1 1 2.5 2.6v1M8 12v.5"],
} as const;

/** The page's files by their path in the served folder. */
export const PAGE_FILES: ReadonlyMap<string, PageFile> = new Map([
  // The types of Bun take it for a page that its bundler is to build.
  ["/", { text: html as unknown as string, type: "text/html; charset=utf-8" }],
  ...Object.entries({ base, verdict: verdictStyle, servers: serversStyle, timeline: timelineStyle }).map(
    ([name, text]) => [`/page/${name}.css`, { text, type: "text/css; charset=utf-8" }] as const,
  ),
  ["/page/icon.svg", { text: icon, type: "image/svg+xml" }],
  ...Object.entries(ICONS).map(
    ([condition, [colour, path]]) =>
      [`/page/icon-${condition}.svg`, { text: iconOf(colour, path), type: "image/svg+xml" }] as const,
  ),
  ...Object.entries({
    "check-bar": checkBar,
    commands,
    connection,
    "daemon-clock": clock,
    elements,
    facts,
    main,
    marks,
    merge: merging,
    overview,
    rates,
    server,
    "server-details": serverDetails,
    servers,
    standing,
    timeline,
    verdict,
    words,
  }).map(([name, text]) => [`/page/${name}.js`, { text, type: "text/javascript; charset=utf-8" }] as const),
]);

// --- internal ---

function iconOf(colour: string, path: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="${colour}"/><path d="${path}" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
}
