import type { CareEvent } from "../domain/events.ts";
import type { EventRecord } from "../domain/event-record.ts";
import type { Logger } from "../domain/logger.ts";

/** Every event becomes the lines that the log has for it. */
type Teller = (logger: Logger) => (event: CareEvent) => void;

/** Remembers the last events, in the words of the log, for whoever asks later. Good checks are no events: there are too many of them. */
export class EventRing {
  readonly #records: EventRecord[] = [];
  readonly #timeOfDay: () => Date;
  readonly #tell: (event: CareEvent) => void;
  #now: CareEvent | undefined;
  #lastId = 0;

  constructor(teller: Teller, timeOfDay: () => Date) {
    this.#timeOfDay = timeOfDay;
    this.#tell = teller({
      debug: (message) => this.#note("debug", typeof message === "string" ? message : message()),
      info: (message) => this.#note("info", message),
      warn: (message) => this.#note("warn", message),
      error: (message) => this.#note("error", message),
    });
  }

  note(event: CareEvent): void {
    if (event.type === "realServer.probed" && event.verdict.passed) return;
    this.#now = event;
    this.#tell(event);
    this.#now = undefined;
  }

  /** Those after this id, in order. */
  after(id: number): readonly EventRecord[] {
    const first = this.#records.findIndex((record) => record.id > id);
    return first === -1 ? [] : this.#records.slice(first);
  }

  // --- internal ---

  #note(level: EventRecord["level"], message: string): void {
    const event = this.#now;
    if (event === undefined) return;
    this.#records.push({
      id: ++this.#lastId,
      at: this.#timeOfDay().toISOString(),
      level,
      message,
      type: event.type,
      ...("server" in event && { server: event.server }),
    });
    if (this.#records.length > MOST_RECORDS + SLACK) this.#records.splice(0, SLACK);
  }
}

// --- internal ---

const MOST_RECORDS = 1000;
/** Dropped at a time, so that not every record moves all the others. */
const SLACK = 100;
