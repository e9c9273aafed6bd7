import type { EventRecord } from "../domain/event-record.ts";
import type { OfVirtualServer } from "../domain/virtual-server-name.ts";

/** Something that happened, and to which virtual server; to none where it happened to the process, and so to all of them. */
export interface LvscareEvent extends EventRecord, Partial<OfVirtualServer> {
  /** How many before this one were dropped, because they were not taken in time; absent where none was. */
  readonly missed?: number;
}

/**
 * Events on their way to one consumer. Ten thousand wait for it at most: beyond that the oldest are dropped, and the
 * next one tells how many.
 */
export class EventQueue implements AsyncIterableIterator<LvscareEvent> {
  readonly #waiting: LvscareEvent[] = [];
  readonly #takers: ((result: IteratorResult<LvscareEvent>) => void)[] = [];
  readonly #left: (queue: EventQueue) => void;
  #missed = 0;
  #isOver = false;

  /** `left`: called when the consumer wants no more. */
  constructor(left: (queue: EventQueue) => void) {
    this.#left = left;
  }

  push(event: LvscareEvent): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) return taker({ done: false, value: event });
    this.#waiting.push(event);
    if (this.#waiting.length < MOST_WAITING + SLACK) return;
    this.#waiting.splice(0, SLACK);
    this.#missed += SLACK;
  }

  /** There will be no more; what waits can still be taken. */
  end(): void {
    this.#isOver = true;
    for (const taker of this.#takers.splice(0)) taker({ done: true, value: undefined });
  }

  async next(): Promise<IteratorResult<LvscareEvent>> {
    const event = this.#waiting.shift();
    if (event !== undefined) {
      const missed = this.#missed;
      this.#missed = 0;
      return { done: false, value: missed === 0 ? event : { ...event, missed } };
    }
    if (this.#isOver) return { done: true, value: undefined };
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  async return(): Promise<IteratorResult<LvscareEvent>> {
    this.#waiting.length = 0;
    this.end();
    this.#left(this);
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

// --- internal ---

/** As many as are remembered of all virtual servers. */
const MOST_WAITING = 10_000;
/** Dropped in groups, so that not every one moves all the others. */
const SLACK = 100;
