// @ts-check
import { ShareBar } from "./check-bar.js";
import { arrange, byId, element, labelled, setText, shape, spaced } from "./elements.js";
import { Rate } from "./rates.js";
import { CONDITIONS, outOf, WORDS } from "./verdict.js";
import { bytes, counted, perSecond, since, thousands } from "./words.js";

/** @typedef {import("../overview.ts").VirtualServerOverview} VirtualServerOverview */

/** All virtual servers of a daemon, the worst first; each leads to its own page. */
export class Overview {
  #list = element("ul", "virtual-servers");
  #head = tableHead();
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {readonly string[]} */
  #words = [];

  constructor() {
    setText(byId("list-title"), "Virtual servers");
    this.#list.setAttribute("aria-labelledby", "list-title");
    byId("rows").append(this.#head, this.#list);
    byId("tallies").hidden = true;
  }

  /**
   * @param {import("../overview.ts").Overview} overview
   * @param {number} now
   */
  update({ virtualServers }, now) {
    for (const word of this.#rows.keys()) if (!Object.hasOwn(virtualServers, word)) this.#rows.delete(word);
    for (const [word, one] of Object.entries(virtualServers)) {
      const row = this.#rows.get(word) ?? new Row(word);
      // Out of its place: those after it can stay as they are.
      if (row.rank !== rankOf(one)) row.element.remove();
      this.#rows.set(word, row);
      row.update(one);
    }
    const isDense = this.#rows.size > MOST_ROOMY;
    this.#list.classList.toggle("dense", isDense);
    this.#head.hidden = !isDense;
    this.#arrange();
    this.tick(now);
  }

  /** @param {number} now */
  tick(now) {
    for (const row of this.#rows.values()) row.tick(now);
  }

  /** @param {readonly string[]} words All of them, in lower case. */
  filter(words) {
    this.#words = words;
    this.#arrange();
  }

  // --- internal ---

  #arrange() {
    const rows = [...this.#rows.values()].filter(({ findable }) =>
      this.#words.every((word) => findable.includes(word)),
    );
    const focused = document.activeElement;
    arrange(
      this.#list,
      rows.toSorted((a, b) => a.rank - b.rank).map(({ element }) => element),
    );
    if (focused instanceof HTMLElement && focused !== document.activeElement && this.#list.contains(focused))
      focused.focus({ preventScroll: true });
    setText(
      byId("shown"),
      this.#words.length === 0 ? "" : `${thousands(rows.length)} of ${counted(this.#rows.size, "virtual server")}`,
    );
  }
}

// --- internal ---

/** More are a table, in which figures have their names in its head. */
const MOST_ROOMY = 8;

function tableHead() {
  const head = element("div", "head");
  head.setAttribute("aria-hidden", "true");
  for (const text of [
    "verdict",
    "virtual server",
    "real servers",
    "failed checks, last 60",
    "new/s",
    "traffic/s",
    "open",
    "",
  ])
    head.append(element("span", undefined, text));
  return head;
}

/** @param {VirtualServerOverview} one */
function rankOf({ condition, leaving }) {
  if (leaving === true) return CONDITIONS.length + 1;
  return condition === undefined ? 0 : CONDITIONS.indexOf(condition);
}

class Row {
  element = element("li", "virtual-server");
  rank = -1;
  findable = "";
  #pill = element("span", "pill");
  #address = element("strong", "address");
  #name = element("span", "name");
  #summary = element("span", "summary");
  #bar = new ShareBar();
  #connections = labelled("rate", "new/s");
  #traffic = labelled("traffic", "traffic/s");
  #open = labelled("open", "open");
  #changed = element("span", "changed");
  #rate = new Rate();
  #word = "";
  /** @type {VirtualServerOverview | undefined} */
  #one;

  /** @param {string} word By which `?vs=` names it. */
  constructor(word) {
    const link = element("a");
    link.href = `?vs=${encodeURIComponent(word)}`;
    const called = element("span", "called");
    called.append(this.#name, this.#address);
    link.append(
      ...spaced([
        this.#pill,
        called,
        this.#summary,
        this.#bar.element,
        ...[this.#connections, this.#traffic, this.#open].map((one) => one.element),
        this.#changed,
      ]),
    );
    this.element.append(link);
  }

  /** @param {VirtualServerOverview} one */
  update(one) {
    this.#one = one;
    this.rank = rankOf(one);
    const { name, protocol, address, condition, inService, healthy, out, checks, activeConnections, leaving, problem } =
      one;
    const word = leaving === true ? "leaving" : condition === undefined ? "unknown" : WORDS[condition];
    if (word !== this.#word) {
      this.#pill.replaceChildren(
        shape(leaving === true ? "leaving" : (condition ?? "unknown")),
        element("span", undefined, word),
      );
      this.element.dataset["condition"] = leaving === true ? "leaving" : (condition ?? "unknown");
      this.#word = word;
    }
    setText(this.#name, name === undefined ? "" : `${name} `);
    setText(this.#address, protocol === "tcp" ? address : `${protocol} ${address}`);
    const { count = 0, of = 0 } = inService ?? {};
    const summary = [
      `${thousands(count)} of ${thousands(of)} in service`,
      ...(condition === "fail-open" ? [`only ${thousands(healthy)} healthy`] : []),
      ...outOf(out),
    ];
    setText(this.#summary, problem ?? summary.join(" · "));
    this.#bar.draw(checks);
    setText(this.#open.value, thousands(activeConnections));
    this.findable = `${name ?? ""} ${protocol} ${address} ${word} ${this.#summary.textContent}`.toLowerCase();
  }

  /** @param {number} now */
  tick(now) {
    if (this.#one === undefined) return;
    const { stats, changedAt } = this.#one;
    this.#rate.sample(now, stats);
    const rate = this.#rate.get();
    setText(this.#connections.value, rate === undefined ? "–" : perSecond(rate.connections));
    setText(this.#traffic.value, rate === undefined ? "–" : bytes(rate.bytes));
    setText(this.#changed, changedAt === undefined ? "" : `changed ${since(changedAt, now)} ago`);
  }
}
