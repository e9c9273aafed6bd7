import { describeError } from "../domain/errors.ts";
import type { EventRecord, EventReport } from "../domain/event-record.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { changeOf, withoutTimings } from "./status-change.ts";

/** What is streamed. */
export interface StreamSources {
  status(): Promise<VirtualServerStatus>;
  events(after: number): EventReport;
}

/**
 * Server-sent events in a few kinds. `status`: the whole status when it changed, at most once a second. `change`, for
 * listeners that ask for it: instead of that what differs from what they were told last, where they were. `event`: what
 * happened (except debug events), with an id for resuming. `problem`: why there is no status. `time`: the daemon's
 * clock, at the beginning and after a quiet while. It is an event and not a comment, so that a page can tell a quiet
 * daemon from a dead line.
 *
 * Nothing is read without listeners, and each reading is shared by all. A message is made when its listener takes it:
 * a slow listener misses states in between, and no messages pile up in memory.
 */
export class EventStream {
  readonly #sources: StreamSources;
  readonly #pace: StreamPace;
  readonly #listeners = new Set<Listener>();
  #news: News | undefined;
  #isReading = false;
  #nextReading: Timer | undefined;
  #telling: Timer | undefined;
  #isClosed = false;

  constructor(sources: StreamSources, pace = STREAM_PACE) {
    this.#sources = sources;
    this.#pace = pace;
  }

  /** Undefined when there are too many listeners already, or none are taken any more. */
  open(
    lastEventId: string | null,
    { changes = false }: { readonly changes?: boolean } = {},
  ): ReadableStream<Uint8Array> | undefined {
    if (this.#isClosed || this.#listeners.size >= MOST_LISTENERS) return undefined;
    const listener = new Listener(() => this.#news, this.#sources, lastEventId, changes, this.#pace.quietMs);
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) void this.#read();
    return new ReadableStream(
      {
        pull: async (controller) => {
          const message = await listener.next();
          if (message !== undefined) controller.enqueue(message);
          // If its listener has left, it is closed already.
          else if (this.#isClosed) controller.close();
        },
        cancel: () => this.#leave(listener),
      },
      { highWaterMark: 0 },
    );
  }

  /** There may be new events. They are sent in a moment, together with those that happen until then. */
  happened(): void {
    if (this.#listeners.size === 0) return;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#wakeAll();
    }, this.#pace.togetherMs);
  }

  close(): void {
    this.#isClosed = true;
    for (const listener of this.#listeners) this.#leave(listener);
  }

  // --- internal ---

  async #read(): Promise<void> {
    // A reading for a listener that has left serves the next one.
    if (this.#isReading) return;
    this.#isReading = true;
    const [news, status] = await this.#sources.status().then(
      (status) => [message("status", JSON.stringify(status)), status] as const,
      (error: unknown) => [message("problem", JSON.stringify(describeError(error))), undefined] as const,
    );
    this.#isReading = false;
    if (this.#listeners.size === 0) return;
    if (news !== this.#news?.text) this.#news = { text: news, bytes: encoder.encode(news), status };
    this.#wakeAll();
    this.#nextReading = setTimeout(() => void this.#read(), this.#pace.readMs);
  }

  #wakeAll(): void {
    for (const listener of this.#listeners) listener.wake();
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener);
    listener.leave();
    if (this.#listeners.size > 0) return;
    clearTimeout(this.#nextReading);
    clearTimeout(this.#telling);
    this.#telling = undefined;
    // The next listener must not be sent this old state.
    this.#news = undefined;
  }
}

// --- internal ---

export interface StreamPace {
  /** From one reading of the status to the next. */
  readonly readMs: number;
  /** Events that happen within this time are sent together. */
  readonly togetherMs: number;
  /** After this long without a message, one is sent anyway: well within the server's limit for idle connections. */
  readonly quietMs: number;
}

export const STREAM_PACE: StreamPace = { readMs: 1000, togetherMs: 50, quietMs: 4000 };

export const MOST_LISTENERS = 32;

/** Of what happened before they came. */
const MOST_PAST_EVENTS = 200;

const encoder = new TextEncoder();

/** Encoded once for all listeners. */
interface News {
  readonly text: string;
  readonly bytes: Uint8Array;
  /** Undefined where it is a problem. */
  readonly status: VirtualServerStatus | undefined;
}

/** A listener, and what was sent to it already. */
class Listener {
  readonly #latest: () => News | undefined;
  readonly #sources: Pick<StreamSources, "events">;
  readonly #wantsChanges: boolean;
  readonly #quietMs: number;
  #run: string;
  #lastId: number;
  #told: News | undefined;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #isLeaving = false;
  #wake: (() => void) | undefined;

  constructor(
    latest: () => News | undefined,
    sources: Pick<StreamSources, "events">,
    lastEventId: string | null,
    wantsChanges: boolean,
    quietMs: number,
  ) {
    this.#latest = latest;
    this.#sources = sources;
    this.#wantsChanges = wantsChanges;
    this.#quietMs = quietMs;
    const [, run = "", id = "0"] = /^(.+)\/(\d{1,15})$/.exec(lastEventId ?? "") ?? [];
    this.#run = run;
    this.#lastId = Number(id);
  }

  wake(): void {
    this.#wake?.();
  }

  leave(): void {
    this.#isLeaving = true;
    this.wake();
  }

  /** The next message, once there is one; undefined when there will be no more. */
  async next(): Promise<Uint8Array | undefined> {
    while (!this.#isLeaving) {
      const bytes = this.#message();
      if (bytes !== undefined) {
        this.#lastAtMs = performance.now();
        return bytes;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return undefined;
  }

  // --- internal ---

  #message(): Uint8Array | undefined {
    const isFirst = this.#lastAtMs === Number.NEGATIVE_INFINITY;
    if (isFirst) return time();
    const news = this.#latest();
    if (news !== undefined && news !== this.#told) {
      const before = this.#told?.status;
      this.#told = news;
      return this.#wantsChanges && news.status !== undefined ? since(before, news.status) : news.bytes;
    }
    const events = this.#newEvents();
    if (events !== "") return encoder.encode(events);
    return performance.now() - this.#lastAtMs >= this.#quietMs ? time() : undefined;
  }

  #newEvents(): string {
    let report = this.#sources.events(this.#lastId);
    const { startedAt } = report;
    // The ids of another run of the daemon say nothing about this one's.
    const isNew = this.#run !== startedAt;
    if (isNew) report = this.#sources.events(0);
    this.#run = startedAt;
    this.#lastId = report.events.at(-1)?.id ?? (isNew ? 0 : this.#lastId);
    const told = report.events.filter(({ level }) => level !== "debug");
    return (isNew ? told.slice(-MOST_PAST_EVENTS) : told).map((event) => eventMessage(startedAt, event)).join("");
  }
}

/** What differs from what was told before, or the whole, without what is too fine for this. */
function since(before: VirtualServerStatus | undefined, status: VirtualServerStatus): Uint8Array {
  const now = withoutTimings(status);
  const change = before && changeOf(withoutTimings(before), now);
  return encoder.encode(
    change === undefined ? message("status", JSON.stringify(now)) : message("change", JSON.stringify(change)),
  );
}

function time(): Uint8Array {
  return encoder.encode(message("time", JSON.stringify(new Date().toISOString())));
}

function eventMessage(run: string, event: EventRecord): string {
  return `id: ${run}/${event.id}\n${message("event", JSON.stringify(event))}`;
}

/** JSON has no line ends of its own, so that one line of data holds it. */
function message(kind: string, json: string): string {
  return `event: ${kind}\ndata: ${json}\n\n`;
}
