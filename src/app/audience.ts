import type { EventRecord } from "../domain/event-record.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Logger } from "../domain/logger.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { Metrics } from "../metrics/metrics.ts";
import { createEventLog } from "./event-log.ts";
import { EventRing } from "./event-ring.ts";

export interface AudienceOptions {
  readonly logger: Logger;
  /** Who may be undoing the daemon's work. */
  readonly culprit: () => string;
  /** The machines' clock. */
  readonly now: () => number;
  readonly timeOfDay: (ms: number) => Date;
}

/**
 * All that hear what a daemon tells: its log, its memory, its metrics, and whoever joins besides. Nobody decides by it, so that they hear it
 * when what was decided is done: between a failed check and weight 0 in the table stands no log line. Good checks, which are nearly all, they hear at
 * once: to remember them for later would cost more.
 */
export class Audience {
  readonly #now: () => number;
  readonly #log: (event: CareEvent) => void;
  readonly #ring: EventRing;
  readonly #metrics = new Metrics();
  readonly #others: ((event: CareEvent) => void)[] = [];
  /** Told; those from `#heard` on were not heard yet. */
  #told: { readonly event: CareEvent; readonly atMs: number }[] = [];
  #heard = 0;
  #isDue = false;

  constructor({ logger, culprit, now, timeOfDay }: AudienceOptions) {
    this.#now = now;
    this.#log = createEventLog(logger, culprit);
    this.#ring = new EventRing((own) => createEventLog(own, culprit), timeOfDay);
  }

  join(listener: (event: CareEvent) => void): void {
    this.#others.push(listener);
  }

  /** `atMs`: when it happened, now unless given. */
  tell(event: CareEvent, atMs = this.#now()): void {
    // In its order all the same.
    if (event.type === "realServer.probed" && event.verdict.passed && this.#told.length === 0)
      return this.#hear(event, atMs);
    this.#told.push({ event, atMs });
    this.#hearSoon();
  }

  /** Has everybody hear now what was told. */
  catchUp(): void {
    this.#hearFor(Number.POSITIVE_INFINITY);
  }

  /** What is remembered since the event with this id. */
  events(after: number): readonly EventRecord[] {
    this.catchUp();
    return this.#ring.after(after);
  }

  /** This process got to something so late. */
  noteLag(ms: number): void {
    this.#metrics.noteLag(ms, this.#now());
  }

  /** In Prometheus' text format. */
  metrics(status: VirtualServerStatus): string {
    this.catchUp();
    return this.#metrics.render(status, this.#now());
  }

  // --- internal ---

  #hearSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#hearFor(TURN_MS);
      if (this.#told.length > 0) this.#hearSoon();
    });
  }

  #hearFor(ms: number): void {
    const untilMs = performance.now() + ms;
    do {
      const told = this.#told[this.#heard];
      if (told === undefined) break;
      this.#heard++;
      this.#hear(told.event, told.atMs);
    } while (performance.now() < untilMs);
    if (this.#heard < this.#told.length) return;
    this.#told = [];
    this.#heard = 0;
  }

  #hear(event: CareEvent, atMs: number): void {
    this.#log(event);
    this.#ring.note(event, atMs);
    this.#metrics.note(event, atMs);
    for (const listener of this.#others) listener(event);
  }
}

// --- internal ---

/** When hundreds of servers fail at once there is much to tell: writes and checks get a turn in between. */
const TURN_MS = 5;
