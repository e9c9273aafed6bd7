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
  /** Of the machines' clock. */
  readonly now: () => number;
}

/** All that hear what a daemon tells: its log, its memory, its metrics, and whoever joins besides. Nobody decides by it. */
export class Audience {
  readonly #log: (event: CareEvent) => void;
  readonly #ring: EventRing;
  readonly #metrics: Metrics;
  readonly #others: ((event: CareEvent) => void)[] = [];

  constructor({ logger, culprit, now }: AudienceOptions) {
    this.#log = createEventLog(logger, culprit);
    this.#ring = new EventRing(
      (own) => createEventLog(own, culprit),
      () => new Date(),
    );
    this.#metrics = new Metrics(now);
  }

  join(listener: (event: CareEvent) => void): void {
    this.#others.push(listener);
  }

  tell(event: CareEvent): void {
    this.#log(event);
    this.#ring.note(event);
    this.#metrics.note(event);
    for (const listener of this.#others) listener(event);
  }

  /** What is remembered since the event with this id. */
  events(after: number): readonly EventRecord[] {
    return this.#ring.after(after);
  }

  /** In Prometheus' text format. */
  async metrics(status: VirtualServerStatus): Promise<string> {
    return this.#metrics.render(status, await eventLoopLagMs());
  }
}

// --- internal ---

/** How late what is due at once gets its turn. */
function eventLoopLagMs(): Promise<number> {
  const dueMs = performance.now();
  return new Promise((resolve) => setImmediate(() => resolve(performance.now() - dueMs)));
}
