// @ts-check
import { changed, merge } from "./merge.js";

/** @typedef {import("../../domain/status.ts").VirtualServerStatus} VirtualServerStatus */
/** @typedef {import("../overview.ts").Overview} Overview */
/** @typedef {import("../event-digest.ts").TimelineEntry} TimelineEntry */

/**
 * A listener to the daemon's stream.
 *
 * @typedef {object} Listener
 * @property {(status: VirtualServerStatus) => void} status
 * @property {(overview: Overview) => void} overview Of a daemon with several virtual servers, where none is named.
 * @property {(checks: Record<string, string>) => void} checks What became of each check of real servers since the last time.
 * @property {(entries: readonly TimelineEntry[], run: string) => void} timeline `run`: which one of the daemon's.
 * @property {() => void} begin All is told from the beginning now.
 * @property {(iso: string) => void} time What the daemon's clock says.
 * @property {(problem: string) => void} problem The daemon answers, but not with a status.
 * @property {() => void} lost
 */

/**
 * Listens to the daemon's stream, and again whenever it is lost. The browser does so by itself after most failures,
 * but gives up after an answer that is no stream, and does not notice a line that has gone dead.
 *
 * @param {Listener} listener
 */
export function listen(listener) {
  let lastMessageAt = performance.now();
  let source = open();

  function open() {
    const query = new URLSearchParams(location.search);
    query.set("brief", "1");
    const source = new EventSource(`api/v1/stream?${query}`);
    /** @type {VirtualServerStatus | undefined} */
    let status;
    /** @type {Overview | undefined} */
    let overview;
    source.addEventListener("open", () => listener.begin());
    source.addEventListener("error", () => listener.lost());
    on("status", ({ data }) => listener.status((status = JSON.parse(data))));
    on("change", ({ data }) => {
      if (status !== undefined) listener.status((status = changed(status, JSON.parse(data))));
      if (overview !== undefined) listener.overview((overview = merge(overview, JSON.parse(data))));
    });
    on("overview", ({ data }) => listener.overview((overview = JSON.parse(data))));
    on("checks", ({ data }) => listener.checks(JSON.parse(data)));
    on("timeline", ({ data }) => {
      const { run, entries } = JSON.parse(data);
      listener.timeline(entries, run);
    });
    on("time", ({ data }) => listener.time(JSON.parse(data)));
    on("problem", ({ data }) => listener.problem(JSON.parse(data)));
    return source;

    /**
     * @param {string} kind
     * @param {(message: MessageEvent<string>) => void} tell
     */
    function on(kind, tell) {
      source.addEventListener(kind, (/** @type {MessageEvent<string>} */ message) => {
        lastMessageAt = performance.now();
        tell(message);
      });
    }
  }

  setInterval(() => {
    const isSilent = performance.now() - lastMessageAt > MOST_SILENCE_MS;
    if (source.readyState !== EventSource.CLOSED && !isSilent) return;
    listener.lost();
    source.close();
    lastMessageAt = performance.now();
    source = open();
  }, WATCH_MS);
}

// --- internal ---

const WATCH_MS = 2000;

/** The daemon says something every few seconds. */
const MOST_SILENCE_MS = 15_000;
