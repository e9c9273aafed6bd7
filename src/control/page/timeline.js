// @ts-check
import { byId, element, shape } from "./elements.js";
import { timeOfDay } from "./words.js";

/** @typedef {import("../../domain/event-record.ts").EventRecord} EventRecord */

/** What happened, newest first. */
export class Timeline {
  #list = byId("events");
  #run = "";
  #lastId = 0;
  /** @type {readonly string[]} */
  #wanted = [];

  /**
   * @param {EventRecord} event
   * @param {string} id Names the daemon's run, too. An event that is here already is not added again.
   */
  add(event, id) {
    const run = id.slice(0, id.lastIndexOf("/"));
    if (run === this.#run && event.id <= this.#lastId) return;
    this.#run = run;
    this.#lastId = event.id;
    byId("no-events").hidden = true;
    const entry = render(event);
    entry.hidden = !matches(entry, this.#wanted);
    this.#list.prepend(entry);
    if (this.#list.childElementCount > MOST_ENTRIES) this.#list.lastElementChild?.remove();
  }

  /** @param {readonly string[]} words */
  filter(words) {
    this.#wanted = words;
    for (const entry of this.#list.children) {
      if (entry instanceof HTMLElement) entry.hidden = !matches(entry, words);
    }
  }
}

// --- internal ---

const MOST_ENTRIES = 300;
const LONGEST_MESSAGE = 1000;
const STATES = ["healthy", "draining", "removed", "recovering"];

/** @param {EventRecord} event */
function render({ at, level, message, type, server }) {
  const entry = element("li", "event");
  const time = element("time", undefined, timeOfDay(at));
  time.dateTime = at;
  time.title = at;
  const text = element("p");
  if (level === "warn" || level === "error") text.append(element("strong", "level", level), " ");
  const start = `real server ${server}`;
  if (server !== undefined && message.startsWith(start)) {
    text.append(element("strong", "address", server), message.slice(start.length, LONGEST_MESSAGE));
  } else text.append(message.slice(0, LONGEST_MESSAGE));
  const state = type === "realServer.healthChanged" ? stateAfter(message) : undefined;
  entry.dataset["state"] = state ?? level;
  entry.append(time, shape(state ?? (level === "info" ? "info" : "warn")), text);
  return entry;
}

/** @param {string} message `real server … healthy → draining: …` */
function stateAfter(message) {
  return STATES.find((state) => message.includes(` → ${state}:`));
}

/**
 * @param {HTMLElement} entry
 * @param {readonly string[]} words
 */
function matches(entry, words) {
  const text = entry.textContent.toLowerCase();
  return words.every((word) => text.includes(word));
}
