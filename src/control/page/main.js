// @ts-check
import { listen } from "./connection.js";
import { DaemonClock } from "./daemon-clock.js";
import { byId, setText } from "./elements.js";
import { Facts } from "./facts.js";
import { Marks } from "./marks.js";
import { Overview } from "./overview.js";
import { Servers } from "./servers.js";
import { Timeline } from "./timeline.js";
import { Verdict } from "./verdict.js";
import { duration } from "./words.js";

const clock = new DaemonClock();
const marks = new Marks();
const verdict = new Verdict();
const facts = new Facts();
const timeline = new Timeline();
/** What is listed: the real servers of a virtual server, or all virtual servers. @type {Servers | Overview | undefined} */
let list;

listen({
  status: (status) => {
    reveal(() => new Servers(marks));
    verdict.update(status, clock.now());
    facts.update(status, clock.now());
    if (list instanceof Servers) list.update(status, clock.now());
  },
  overview: (overview) => {
    reveal(() => new Overview());
    verdict.updateAll(overview);
    if (list instanceof Overview) list.update(overview, clock.now());
  },
  checks: (news) => {
    marks.add(news);
    if (list instanceof Servers) list.drawChecks();
  },
  timeline: (entries, run) => timeline.add(entries, run),
  begin: () => marks.clear(),
  time: (iso) => clock.set(iso),
  problem: (problem) => {
    clock.stop();
    show("problem", "no status", `The daemon cannot tell its status: ${problem}.`);
  },
  lost: () => {
    clock.stop();
    show("lost", "connection lost, trying again", "Connection lost, trying again.");
  },
});

setInterval(() => {
  tellAge();
  verdict.tick(clock.now());
  facts.tick(clock.now());
  list?.tick(clock.now());
}, 1000);

const filter = byId("filter");
if (filter instanceof HTMLInputElement) {
  filter.addEventListener("input", applyFilter);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    filter.focus();
  });
}

// --- internal ---

/**
 * Shows what the daemon told first.
 *
 * @param {() => Servers | Overview} make
 */
function reveal(make) {
  clock.start();
  show("live", "live");
  verdict.known();
  if (list !== undefined) return;
  list = make();
  const isOne = list instanceof Servers;
  if (isOne && location.search !== "") setText(byId("home"), "‹ All virtual servers");
  for (const id of ["timeline", "about", "legend"]) byId(id).hidden = !isOne;
  for (const id of ["status-link", "events-link"]) {
    const link = byId(id);
    // Of all together there is none.
    link.hidden = !isOne;
    if (link instanceof HTMLAnchorElement) link.search = location.search;
  }
  if (filter instanceof HTMLInputElement && !isOne) filter.placeholder = "address, name, verdict";
  byId("content").hidden = false;
  // A browser that reloads keeps what was typed.
  applyFilter();
}

function applyFilter() {
  if (!(filter instanceof HTMLInputElement)) return;
  const words = filter.value
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  list?.filter(words);
  timeline.filter(words);
}

/**
 * @param {"live" | "problem" | "lost"} state
 * @param {string} text
 * @param {string} [stale] Why what is shown is old.
 */
function show(state, text, stale) {
  document.body.dataset["connection"] = state;
  setText(byId("connection-text"), text);
  byId("stale").hidden = stale === undefined;
  setText(byId("stale-reason"), stale ?? "");
  if (stale !== undefined) verdict.unknown(text);
  tellAge();
}

function tellAge() {
  const age = clock.stoppedForMs();
  setText(
    byId("stale-age"),
    list === undefined ? "Nothing is known yet." : `What you see is from ${duration(age)} ago.`,
  );
}
