import { describeError } from "../domain/errors.ts";
import { message, StreamListener, type News, type StreamSources, type StreamWish } from "./stream-listener.ts";

/**
 * Server-sent events in a few kinds. `status` (or what else is told of): the whole when it changed, at most once a
 * second. `change`, for listeners that ask for it: instead of that what differs from what they were told last, where
 * they were. `event`: what happened (except debug events), with an id for resuming. `problem`: why there is no status.
 * `time`: the daemon's clock, at the beginning and after a quiet while. It is an event and not a comment, so that a page
 * can tell a quiet daemon from a dead line. For the page, `timeline` and `checks`: see `StreamListener`.
 *
 * Nothing is read without listeners, and each reading is shared by all. A message is made when its listener takes it:
 * a slow listener misses states in between, and no messages pile up in memory.
 */
export class EventStream<T extends object, S extends object> {
  readonly #sources: StreamSources<T, S>;
  readonly #pace: StreamPace;
  readonly #listeners = new Set<StreamListener<T, S>>();
  #news: News<T, S> | undefined;
  #isReading = false;
  #nextReading: Timer | undefined;
  #telling: Timer | undefined;
  #isClosed = false;

  constructor(sources: StreamSources<T, S>, pace = STREAM_PACE) {
    this.#sources = sources;
    this.#pace = pace;
  }

  /** Undefined when there are too many listeners already, or none are taken any more. */
  open(lastEventId: string | null, wish: StreamWish = "whole"): ReadableStream<Uint8Array> | undefined {
    if (this.#isClosed || this.#listeners.size >= MOST_LISTENERS) return undefined;
    const listener = new StreamListener(() => this.#news, this.#sources, lastEventId, wish, this.#pace.quietMs);
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
    const [news, reading] = await this.#sources.read().then(
      (reading) => [message(this.#sources.kind, JSON.stringify(reading)), reading] as const,
      (error: unknown) => [message("problem", JSON.stringify(describeError(error))), undefined] as const,
    );
    this.#isReading = false;
    if (this.#listeners.size === 0) return;
    if (news !== this.#news?.text) this.#news = { text: news, reading, brief: undefined, bytes: undefined };
    for (const listener of this.#listeners) listener.wasRead();
    this.#wakeAll();
    this.#nextReading = setTimeout(() => void this.#read(), this.#pace.readMs);
  }

  #wakeAll(): void {
    for (const listener of this.#listeners) listener.wake();
  }

  #leave(listener: StreamListener<T, S>): void {
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
