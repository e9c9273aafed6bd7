// @ts-check
import { byId, element, setText, shape } from "./elements.js";
import { duration, thousands, timeOfDay } from "./words.js";

/** @typedef {import("../event-digest.ts").TimelineEntry} TimelineEntry */

/** What happened, newest first; the same of many real servers is one entry. */
export class Timeline {
  #list = byId("events");
  #run = "";
  #lastId = 0;
  /** @type {Shown | undefined} */
  #newest;
  /** @type {readonly string[]} */
  #wanted = [];

  /**
   * @param {readonly TimelineEntry[]} entries In their order. Those that are here already are not added again.
   * @param {string} run Which one of the daemon's: another counts from one again.
   */
  add(entries, run) {
    if (run !== this.#run) this.#lastId = 0;
    this.#run = run;
    for (const entry of entries) {
      if (entry.id <= this.#lastId) continue;
      this.#lastId = entry.id;
      this.#addOne(entry);
    }
    byId("no-events").hidden = this.#list.childElementCount > 0;
  }

  /** @param {readonly string[]} words */
  filter(words) {
    this.#wanted = words;
    for (const item of this.#list.children) {
      if (item instanceof HTMLElement) item.hidden = !matches(item, words);
    }
  }

  // --- internal ---

  /** @param {TimelineEntry} entry */
  #addOne(entry) {
    const newest = this.#newest;
    const both = newest && together(newest.entry, entry);
    const item = both === undefined ? element("li", "event") : newest?.item;
    if (item === undefined) return;
    this.#newest = { entry: both ?? entry, item };
    render(item, both ?? entry);
    item.hidden = !matches(item, this.#wanted);
    if (both !== undefined) return;
    this.#list.prepend(item);
    if (this.#list.childElementCount > MOST_ENTRIES) this.#list.lastElementChild?.remove();
  }
}

// --- internal ---

/** @typedef {{ entry: TimelineEntry, item: HTMLElement }} Shown */

const MOST_ENTRIES = 200;
const LONGEST_MESSAGE = 1000;
const MOST_NAMED = 5;

/** As the daemon groups those that it tells together. */
const TOGETHER_MS = 10_000;

/**
 * @param {TimelineEntry} last
 * @param {TimelineEntry} next
 * @returns {TimelineEntry | undefined}
 */
function together(last, next) {
  if (next.to === undefined || last.from !== next.from || last.to !== next.to || last.level !== next.level)
    return undefined;
  if (Date.parse(next.at) - Date.parse(last.until ?? last.at) > TOGETHER_MS) return undefined;
  const { reason, ...others } = last;
  const outForMs = Math.max(last.outForMs ?? -1, next.outForMs ?? -1);
  return {
    ...others,
    id: next.id,
    until: next.until ?? next.at,
    servers: [...(last.servers ?? []), ...(next.servers ?? [])].slice(0, MOST_NAMED),
    count: (last.count ?? 1) + (next.count ?? 1),
    ...(reason !== undefined && reason === next.reason && { reason }),
    ...(outForMs >= 0 && { outForMs }),
  };
}

/**
 * @param {HTMLElement} item
 * @param {TimelineEntry} entry
 */
function render(item, entry) {
  const { at, until, level, to } = entry;
  const time = element("time", undefined, timeOfDay(until ?? at));
  time.dateTime = until ?? at;
  time.title = until === undefined ? at : `${at} to ${until}`;
  const text = element("p");
  if (level === "warn" || level === "error") text.append(element("strong", "level", level), " ");
  text.append(...(to === undefined ? told(entry) : changed(entry, to)));
  item.dataset["state"] = to ?? level;
  item.replaceChildren(time, shape(to ?? (level === "info" ? "info" : "warn")), text);
}

/** @param {TimelineEntry} entry */
function told({ message = "", servers = [] }) {
  const [server] = servers;
  const start = `real server ${server}`;
  if (server === undefined || !message.startsWith(start)) return [message.slice(0, LONGEST_MESSAGE)];
  return [element("strong", "address", server), message.slice(start.length, LONGEST_MESSAGE)];
}

/**
 * @param {TimelineEntry} entry
 * @param {string} to
 */
function changed({ at, until, from, servers = [], count = 1, reason, outForMs }, to) {
  const who =
    count === 1
      ? element("strong", "address", servers[0])
      : element("strong", undefined, `${thousands(count)} servers`);
  const within = until === undefined ? 0 : Date.parse(until) - Date.parse(at);
  const details = [
    ...(count > 1 && within >= 1000 ? [`within ${duration(within)}`] : []),
    ...(outForMs === undefined ? [] : [`${count === 1 ? "out" : "the longest out"} for ${duration(outForMs)}`]),
  ];
  const named = count === 1 ? [] : [namesOf(servers, count)];
  return [
    who,
    ` ${from} → ${to}${reason === undefined ? "" : `: ${reason.slice(0, LONGEST_MESSAGE)}`}`,
    ...(details.length === 0 ? [] : [element("span", "lasted", ` (${details.join(", ")})`)]),
    ...named,
  ];
}

/**
 * @param {readonly string[]} servers
 * @param {number} count
 */
function namesOf(servers, count) {
  const rest = count - servers.length;
  const names = element("span", "names");
  setText(names, `${servers.join(", ")}${rest > 0 ? ` and ${thousands(rest)} more` : ""}`);
  return names;
}

/**
 * @param {HTMLElement} item
 * @param {readonly string[]} words
 */
function matches(item, words) {
  const text = item.textContent.toLowerCase();
  return words.every((word) => text.includes(word));
}
