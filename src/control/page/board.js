// @ts-check
import { Card } from "./card.js";
import { byId, element, setText, shape } from "./elements.js";
import { thousands } from "./words.js";

/** @typedef {import("../../domain/status.ts").VirtualServerStatus} VirtualServerStatus */

/** The real servers, each in the lane of its state. */
export class Board {
  /** @type {Map<string, Lane>} */
  #lanes = new Map();
  /** @type {Map<string, Card>} */
  #cards = new Map();
  /** @type {readonly string[]} */
  #wanted = [];
  #lateMs = 0;

  constructor() {
    for (const [state, meaning] of LANES) {
      const lane = new Lane(state, meaning);
      this.#lanes.set(state, lane);
      byId("lanes").append(lane.element);
      byId("tallies").append(lane.tally);
    }
  }

  /**
   * @param {VirtualServerStatus} status
   * @param {number} now
   */
  update({ realServers, daemon }, now) {
    this.#lateMs = Math.max(SHORTEST_LATE_MS, LATE_INTERVALS * (daemon?.intervalMs ?? 0));
    /** @type {Map<string, Card[]>} */
    const byLane = new Map([...this.#lanes.keys()].map((state) => [state, []]));
    const gone = new Set(this.#cards.keys());
    for (const server of realServers) {
      gone.delete(server.address);
      const card = this.#cards.get(server.address) ?? new Card(server.address);
      this.#cards.set(server.address, card);
      const lane = byLane.has(server.state) ? server.state : OTHER;
      card.update(server, lane);
      byLane.get(lane)?.push(card);
    }
    for (const address of gone) {
      this.#cards.get(address)?.element.remove();
      this.#cards.delete(address);
    }
    for (const [state, cards] of byLane) this.#lanes.get(state)?.hold(cards);
    this.tick(now);
    this.#showWanted();
  }

  /** @param {number} now */
  tick(now) {
    for (const card of this.#cards.values()) card.tick(now, this.#lateMs);
  }

  /** @param {readonly string[]} words */
  filter(words) {
    this.#wanted = words;
    this.#showWanted();
  }

  // --- internal ---

  #showWanted() {
    let shown = 0;
    for (const card of this.#cards.values()) {
      const isShown = card.matches(this.#wanted);
      if (isShown) shown++;
      if (card.element.hidden === isShown) card.element.hidden = !isShown;
    }
    setText(
      byId("shown"),
      this.#wanted.length === 0 ? "" : `${thousands(shown)} of ${thousands(this.#cards.size)} shown`,
    );
  }
}

// --- internal ---

/** In the order of the state chart, and what it means for clients. */
const LANES = /** @type {const} */ ([
  ["healthy", "takes new connections"],
  ["draining", "no new ones, open ones go on"],
  ["removed", "not in the table"],
  ["recovering", "answers again, not back yet"],
  ["drained", "by an operator, the file or its agent: no new ones"],
  ["leaving", "no longer listed: open ones end"],
  ["unlisted", "in the table, listed by nobody"],
]);

/** Where a state belongs that this page does not know. */
const OTHER = "unlisted";

/** Shown only with somebody in it. */
const RARE = ["drained", "leaving", OTHER];

/** Servers that are down may be checked more seldom. */
const LATE_INTERVALS = 3;
const SHORTEST_LATE_MS = 15_000;

class Lane {
  element = element("section", "lane");
  tally = element("a", "tally");
  #list = element("ul", "cards");
  #count = element("span", "count");
  #tallyCount = element("strong");
  #isOptional;

  /**
   * @param {string} state
   * @param {string} meaning
   */
  constructor(state, meaning) {
    const title = element("h3");
    title.id = `lane-${state}`;
    title.append(shape(state), element("span", "word", state), this.#count);
    this.element.dataset["state"] = state;
    this.element.setAttribute("aria-labelledby", title.id);
    this.element.append(title, element("p", "meaning", meaning), this.#list);
    this.tally.href = `#${title.id}`;
    this.tally.dataset["state"] = state;
    this.tally.append(shape(state), this.#tallyCount, element("span", undefined, ` ${state}`));
    this.#isOptional = RARE.includes(state);
    this.hold([]);
  }

  /** @param {readonly Card[]} cards All of them, in order; those that are in place already are not touched. */
  hold(cards) {
    let next = this.#list.firstElementChild;
    for (const { element } of cards) {
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
    const count = thousands(cards.length);
    setText(this.#count, count);
    setText(this.#tallyCount, count);
    this.element.dataset["size"] = sizeOf(cards.length);
    this.tally.dataset["size"] = sizeOf(cards.length);
    this.element.hidden = this.#isOptional && cards.length === 0;
    this.tally.hidden = this.element.hidden;
  }
}

/**
 * How wide a lane is, in few steps: one server more or less must not move all the others.
 *
 * @param {number} count
 */
function sizeOf(count) {
  if (count === 0) return "none";
  if (count <= 6) return "few";
  return count <= 24 ? "some" : "many";
}
