import type { CheckMarks, RecentChecks } from "../domain/check-marks.ts";
import type { EventRecord, EventReport } from "../domain/event-record.ts";
import { EventDigest } from "./event-digest.ts";

/** What is streamed: `T`, as it is read, and `S`, as it is compared and told in part. */
export interface StreamSources<T extends object, S extends object> {
  /** How a message with the whole of it is called: `status`. */
  readonly kind: string;
  read(): Promise<T>;
  /** As listeners to changes are told of it. */
  slim(reading: T): S;
  /** As the page is told of it. */
  brief(reading: T): S;
  /** What differs; undefined where only the whole tells. */
  changeOf(before: S, after: S): object | undefined;
  /** Absent where there is no timeline. */
  events?(after: number): EventReport;
  /** Absent where they are told otherwise. */
  readonly checks?: RecentChecks;
}

/**
 * What a listener asks for. `whole`: each time all of it. `changes`: what differs, and each event. `brief`, for the
 * page: what differs of what it shows; what happened as a `timeline` of entries; and of `checks` what became of each.
 */
export type StreamWish = "whole" | "changes" | "brief";

/** What was read, shared by all listeners. */
export interface News<T, S> {
  readonly text: string;
  /** Undefined where it is a problem. */
  readonly reading: T | undefined;
  /** Made by the first who needs them. */
  brief: S | undefined;
  bytes: Uint8Array | undefined;
}

/** A listener, and what was sent to it already. */
export class StreamListener<T extends object, S extends object> {
  readonly #latest: () => News<T, S> | undefined;
  readonly #sources: StreamSources<T, S>;
  readonly #wish: StreamWish;
  readonly #quietMs: number;
  readonly #digest = new EventDigest();
  /** How many checks of each real server it knows. */
  readonly #checks = new Map<string, number>();
  #areChecksDue = true;
  #run: string;
  #lastId: number;
  #told: News<T, S> | undefined;
  /** Of that, in the words of its wish. */
  #toldAs: S | undefined;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #isLeaving = false;
  #wake: (() => void) | undefined;

  constructor(
    latest: () => News<T, S> | undefined,
    sources: StreamSources<T, S>,
    lastEventId: string | null,
    wish: StreamWish,
    quietMs: number,
  ) {
    this.#latest = latest;
    this.#sources = sources;
    this.#wish = wish;
    this.#quietMs = quietMs;
    const [, run = "", id = "0"] = /^(.+)\/(\d{1,15})$/.exec(lastEventId ?? "") ?? [];
    this.#run = run;
    this.#lastId = Number(id);
  }

  wake(): void {
    this.#wake?.();
  }

  /** Checks are told as often as the status is, not with each event. */
  wasRead(): void {
    this.#areChecksDue = true;
  }

  leave(): void {
    this.#isLeaving = true;
    this.wake();
  }

  /** The next message, once there is one; undefined when there will be no more. */
  async next(): Promise<Uint8Array | undefined> {
    while (!this.#isLeaving) {
      const message = this.#message();
      if (message !== "") {
        this.#lastAtMs = performance.now();
        return typeof message === "string" ? encoder.encode(message) : message;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return undefined;
  }

  // --- internal ---

  /** Empty where there is nothing to tell. */
  #message(): string | Uint8Array {
    const isFirst = this.#lastAtMs === Number.NEGATIVE_INFINITY;
    // The page gets all at once, so that nothing moves when the rest comes.
    if (isFirst && this.#wish !== "brief") return time();
    const news = this.#latest();
    if (isFirst && news === undefined) return "";
    const past = isFirst ? time() + this.#happened() + this.#checked() : "";
    if (news !== undefined && news !== this.#told) {
      this.#told = news;
      // The same for all who ask for it.
      if (this.#wish === "whole") return (news.bytes ??= encoder.encode(news.text));
      const text = this.#news(news);
      if (past + text !== "") return past + text;
    }
    const more = this.#happened() + this.#checked();
    if (more !== "") return more;
    return performance.now() - this.#lastAtMs >= this.#quietMs ? time() : "";
  }

  #news(news: News<T, S>): string {
    const { kind, slim, brief, changeOf } = this.#sources;
    const { reading } = news;
    const before = this.#toldAs;
    this.#toldAs = undefined;
    if (reading === undefined) return news.text;
    const now = this.#wish === "changes" ? slim(reading) : (news.brief ??= brief(reading));
    this.#toldAs = now;
    const change = before && changeOf(before, now);
    if (change === undefined) return message(kind, JSON.stringify(now));
    return isNothing(change) ? "" : message("change", JSON.stringify(change));
  }

  #happened(): string {
    const { events } = this.#sources;
    if (events === undefined) return "";
    let report = events(this.#lastId);
    const { startedAt } = report;
    // The ids of another run of the daemon say nothing about this one's.
    const isNew = this.#run !== startedAt;
    if (isNew) report = events(0);
    // How long those were out who come back tells what it knows already.
    else if (this.#wish === "brief" && this.#lastAtMs === Number.NEGATIVE_INFINITY)
      this.#digest.digest(events(0).events.filter(({ id }) => id <= this.#lastId));
    this.#run = startedAt;
    this.#lastId = report.events.at(-1)?.id ?? (isNew ? 0 : this.#lastId);
    if (this.#wish === "brief") return this.#entries(report.events, isNew);
    const told = report.events.filter(({ level }) => level !== "debug");
    return (isNew ? told.slice(-MOST_PAST_EVENTS) : told).map((event) => eventMessage(startedAt, event)).join("");
  }

  #entries(events: readonly EventRecord[], isNew: boolean): string {
    const entries = this.#digest.digest(events).slice(isNew ? -MOST_PAST_ENTRIES : 0);
    const last = entries.at(-1);
    if (last === undefined) return "";
    return `id: ${this.#run}/${last.id}\n${message("timeline", JSON.stringify({ run: this.#run, entries }))}`;
  }

  #checked(): string {
    const { checks } = this.#sources;
    if (checks === undefined || this.#wish !== "brief" || !this.#areChecksDue) return "";
    this.#areChecksDue = false;
    const told: [string, CheckMarks][] = [];
    for (const server of checks.servers()) {
      const known = this.#checks.get(server) ?? 0;
      let now = checks.since(server, known);
      // It left, and came back with nothing known of it.
      if (now.count < known) now = checks.since(server, 0);
      if (now.marks === "") continue;
      this.#checks.set(server, now.count);
      told.push([server, now]);
    }
    if (told.length === 0) return "";
    return message("checks", JSON.stringify(Object.fromEntries(told.map(([server, { marks }]) => [server, marks]))));
  }
}

/** JSON has no line ends of its own, so that one line of data holds it. */
export function message(kind: string, json: string): string {
  return `event: ${kind}\ndata: ${json}\n\n`;
}

// --- internal ---

/** Of what happened before they came. */
const MOST_PAST_EVENTS = 200;
const MOST_PAST_ENTRIES = 100;

const encoder = new TextEncoder();

function time(): string {
  return message("time", JSON.stringify(new Date().toISOString()));
}

function eventMessage(run: string, event: EventRecord): string {
  return `id: ${run}/${event.id}\n${message("event", JSON.stringify(event))}`;
}

/** Neither of the whole nor of a part. */
function isNothing(change: object): boolean {
  return Object.values(change).every(
    (part) => typeof part === "object" && part !== null && Object.keys(part as object).length === 0,
  );
}
