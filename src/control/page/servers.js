// @ts-check
import { arrange, byId, element, setText, shape } from "./elements.js";
import { Server } from "./server.js";
import { RANKS, standingOf } from "./standing.js";
import { counted, latency, thousands } from "./words.js";

/** @typedef {import("../../domain/status.ts").RealServerStatus} RealServerStatus */
/** @typedef {import("../../domain/status.ts").VirtualServerStatus} VirtualServerStatus */

/** The real servers, those that are in trouble first: a few as cards, many as a table. */
export class Servers {
  #marks;
  #list = element("ul", "servers");
  #head = tableHead();
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Map<string, Tally>} */
  #tallies = new Map();
  /** @type {readonly string[]} */
  #words = [];
  /** Only those are shown. @type {string | undefined} */
  #state;
  #most = matchMedia(BESIDE).matches ? MOST_SHOWN : MOST_ABOVE;
  #now = 0;

  /** @param {import("./marks.js").Marks} marks */
  constructor(marks) {
    this.#marks = marks;
    setText(byId("list-title"), "Real servers");
    byId("rows").append(this.#head, this.#list);
    this.#list.setAttribute("aria-labelledby", "list-title");
    for (const state of RANKS) {
      const tally = new Tally(state, () => {
        this.#state = this.#state === state ? undefined : state;
        for (const [other, { button }] of this.#tallies)
          button.setAttribute("aria-pressed", String(other === this.#state));
        this.#arrange();
      });
      this.#tallies.set(state, tally);
      byId("tallies").append(tally.button);
    }
    byId("more").addEventListener("click", () => {
      this.#most = Number.POSITIVE_INFINITY;
      this.#arrange();
    });
  }

  /**
   * @param {VirtualServerStatus} status
   * @param {number} now
   */
  update({ realServers }, now) {
    this.#now = now;
    const before = this.#entries;
    // In the order in which they are listed, and without those that are gone.
    this.#entries = new Map();
    for (const server of realServers) {
      const { address, name } = server;
      const { state, rank, why } = standingOf(server);
      const entry = before.get(address) ?? { server, state, rank, findable: "", shown: undefined };
      // Out of its place: those after it can stay as they are.
      if (entry.rank !== rank) entry.shown?.element.remove();
      Object.assign(entry, { server, state, rank });
      entry.findable = `${address} ${name ?? ""} ${server.state} ${why}`.toLowerCase();
      this.#entries.set(address, entry);
      entry.shown?.update(server);
    }
    for (const [state, tally] of this.#tallies) {
      tally.set([...this.#entries.values()].filter((entry) => entry.state === state).length, state === this.#state);
    }
    const isDense = this.#entries.size > MOST_CARDS;
    this.#list.classList.toggle("table", isDense);
    this.#head.hidden = !isDense;
    this.#arrange();
    this.tick(now);
  }

  drawChecks() {
    const scale = this.#marks.scale();
    setText(
      byId("legend"),
      `Bars: the last 60 checks, newest right. Grey: as high as it took, ${latency(scale.fromMs)} to ${latency(scale.toMs)} and more. Red, full height: failed.`,
    );
    for (const [address, { shown }] of this.#entries) shown?.drawChecks(this.#marks.of(address), scale);
  }

  /** @param {number} now */
  tick(now) {
    this.#now = now;
    const shown = [...this.#entries.values()].flatMap((entry) => entry.shown ?? []);
    const all = shown.reduce((sum, server) => sum + server.sample(now), 0);
    for (const server of shown) server.tick(now, all);
  }

  /** @param {readonly string[]} words All of them, in lower case. */
  filter(words) {
    this.#words = words;
    this.#arrange();
  }

  // --- internal ---

  #arrange() {
    const wanted = [...this.#entries.values()].filter(
      ({ findable, state }) =>
        (this.#state === undefined || state === this.#state) && this.#words.every((word) => findable.includes(word)),
    );
    const ordered = RANKS.flatMap((_, rank) => wanted.filter((entry) => entry.rank === rank));
    const seen = ordered.slice(0, this.#most);
    const focused = document.activeElement;
    let isNew = false;
    for (const entry of seen) {
      if (entry.shown !== undefined) continue;
      isNew = true;
      entry.shown = new Server(entry.server.address, entry.server.name);
      entry.shown.update(entry.server);
    }
    arrange(
      this.#list,
      seen.flatMap(({ shown }) => shown?.element ?? []),
    );
    // Who was moved in the page keeps the keyboard.
    if (focused instanceof HTMLElement && focused !== document.activeElement && this.#list.contains(focused))
      focused.focus({ preventScroll: true });
    const more = byId("more");
    more.hidden = ordered.length <= seen.length;
    setText(more, `Show ${thousands(ordered.length - seen.length)} more`);
    const isAll = this.#words.length === 0 && this.#state === undefined;
    setText(byId("shown"), isAll ? "" : `${thousands(wanted.length)} of ${counted(this.#entries.size, "server")}`);
    if (isNew) {
      this.drawChecks();
      this.tick(this.#now);
    }
  }
}

// --- internal ---

/**
 * @typedef {object} Entry
 * @property {RealServerStatus} server
 * @property {string} state
 * @property {number} rank
 * @property {string} findable
 * @property {Server | undefined} shown Made when it is seen for the first time.
 */

const MOST_CARDS = 12;

/** More at once make a browser slow, and nobody reads them. */
const MOST_SHOWN = 500;

/** Where the timeline is below them and not beside. */
const MOST_ABOVE = 60;
const BESIDE = "(width >= 84rem)";

class Tally {
  button = element("button", "tally");
  #count = element("strong");

  /**
   * @param {string} state
   * @param {() => void} pressed
   */
  constructor(state, pressed) {
    this.button.type = "button";
    this.button.dataset["state"] = state;
    this.button.setAttribute("aria-pressed", "false");
    this.button.append(shape(state), this.#count, ` ${state}`);
    this.button.addEventListener("click", pressed);
    this.button.hidden = true;
  }

  /**
   * @param {number} count
   * @param {boolean} isPressed Then it stays, to be released.
   */
  set(count, isPressed) {
    setText(this.#count, thousands(count));
    this.button.hidden = count === 0 && !isPressed;
  }
}

/** Names the columns for the eye; each value has its name besides. */
function tableHead() {
  const head = element("div", "head");
  head.setAttribute("aria-hidden", "true");
  for (const [className, text] of [
    ["standing", "state"],
    ["called", "real server"],
    ["checks", "last 60 checks"],
    ["latency", "latency"],
    ["rate", "new/s"],
    ["traffic", "traffic/s"],
    ["share", "share"],
    ["open", "open"],
    ["weight", "weight"],
    ["note", "since, and why"],
  ]) {
    head.append(element("span", className, text));
  }
  return head;
}
