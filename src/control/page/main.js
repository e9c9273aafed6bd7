// @ts-check
import { Board } from "./board.js";
import { listen } from "./connection.js";
import { DaemonClock } from "./daemon-clock.js";
import { byId, setText } from "./elements.js";
import { Facts } from "./facts.js";
import { Timeline } from "./timeline.js";
import { duration } from "./words.js";

const clock = new DaemonClock();
const facts = new Facts();
const board = new Board();
const timeline = new Timeline();
let hasStatus = false;

listen({
  status: (status) => {
    hasStatus = true;
    clock.start();
    show("live", "live");
    facts.update(status, clock.now());
    board.update(status, clock.now());
  },
  event: (event, id) => timeline.add(event, id),
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

void offerOthers();

setInterval(() => {
  tellAge();
  facts.tick(clock.now());
  board.tick(clock.now());
}, 1000);

const filter = byId("filter");
if (filter instanceof HTMLInputElement) {
  const apply = () => {
    const words = filter.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    board.filter(words);
    timeline.filter(words);
  };
  filter.addEventListener("input", apply);
  // A browser that reloads keeps what was typed.
  apply();
}

// --- internal ---

/** Links to all virtual servers of this daemon, where it has several. */
async function offerOthers() {
  const answer = await fetch("api/v1/virtual-servers").catch(() => undefined);
  if (answer?.ok !== true) return;
  /** @type {string[]} */
  const addresses = await answer.json();
  if (addresses.length < 2) return;
  const shown = new URLSearchParams(location.search).get("vs");
  const nav = byId("virtual-servers");
  nav.replaceChildren(
    ...addresses.map((address) => {
      const link = document.createElement("a");
      link.href = `?vs=${encodeURIComponent(address)}`;
      setText(link, address);
      if (address === shown) link.setAttribute("aria-current", "page");
      return link;
    }),
  );
  nav.hidden = false;
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
  tellAge();
}

function tellAge() {
  const age = clock.stoppedForMs();
  setText(byId("stale-age"), hasStatus ? `What you see is from ${duration(age)} ago.` : "Nothing is known yet.");
}
