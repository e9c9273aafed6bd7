import type { CareEvent } from "../domain/events.ts";
import type { EventRecord } from "../domain/event-record.ts";
import type { Logger } from "../domain/logger.ts";
import { describeOperation } from "../domain/plan.ts";

/** Turns every event into its log lines. */
type Teller = (logger: Logger) => (event: CareEvent) => void;

/**
 * Remembers the last events, in the words of the log, for later questions. Good checks are not events: there are too
 * many of them.
 */
export class EventRing {
  readonly #records: EventRecord[] = [];
  readonly #timeOfDay: (ms: number) => Date;
  readonly #tell: (event: CareEvent) => void;
  /** Of the event that is being handled. */
  #lines: Line[] = [];
  #lastId = 0;

  /** `timeOfDay`: of the clock that events come with, which counts from the host's boot. */
  constructor(teller: Teller, timeOfDay: (ms: number) => Date) {
    this.#timeOfDay = timeOfDay;
    this.#tell = teller({
      debug: (message) => this.#lines.push({ level: "debug", message }),
      info: (message) => this.#lines.push({ level: "info", message }),
      warn: (message) => this.#lines.push({ level: "warn", message }),
      error: (message) => this.#lines.push({ level: "error", message }),
    });
  }

  note(event: CareEvent, atMs: number): void {
    if (event.type === "realServer.probed" && event.verdict.passed) return;
    this.#lines = [];
    this.#tell(event);
    const details = detailsOf(event);
    for (const { level, messages } of paragraphs(this.#lines)) {
      this.#records.push({
        id: ++this.#lastId,
        at: this.#timeOfDay(atMs).toISOString(),
        sinceBootMs: Math.round(atMs * 1000) / 1000,
        level,
        message: listed(messages, (message) => (typeof message === "string" ? message : message())).join("; "),
        type: event.type,
        ...details,
      });
    }
    if (this.#records.length > MOST_RECORDS + SLACK) this.#records.splice(0, SLACK);
  }

  /** Those after this id, in order. */
  after(id: number): readonly EventRecord[] {
    const first = this.#records.findIndex((record) => record.id > id);
    return first === -1 ? [] : this.#records.slice(first);
  }
}

// --- internal ---

const MOST_RECORDS = 1000;
/** Dropped in groups, so that not every record moves all the others. */
const SLACK = 100;
/** Of the writes of one round; a thousand servers may fail at once. */
const MOST_LISTED = 20;

interface Line {
  readonly level: EventRecord["level"];
  readonly message: string | (() => string);
}

/** Lines of the same level that follow each other are one. */
function paragraphs(lines: readonly Line[]): { readonly level: Line["level"]; readonly messages: Line["message"][] }[] {
  const all: { readonly level: Line["level"]; readonly messages: Line["message"][] }[] = [];
  for (const { level, message } of lines) {
    const last = all.at(-1);
    if (last?.level === level) last.messages.push(message);
    else all.push({ level, messages: [message] });
  }
  return all;
}

/** The first of them, and how many more there are. */
function listed<T>(all: readonly T[], describe: (one: T) => string): string[] {
  const first = all.slice(0, MOST_LISTED).map(describe);
  return all.length > MOST_LISTED ? [...first, `and ${all.length - MOST_LISTED} more`] : first;
}

function detailsOf(event: CareEvent): Omit<EventRecord, "id" | "at" | "sinceBootMs" | "level" | "message" | "type"> {
  switch (event.type) {
    case "realServer.healthChanged": {
      const { server, from, to, verdict } = event;
      return { server, from, to, ...(verdict && { verdict }) };
    }
    case "realServer.probed":
      return { server: event.server, verdict: event.verdict };
    case "plan.applied":
      return {
        plan: listed(event.operations, describeOperation),
        outcome: event.complete ? "done" : "partly done",
      };
    case "plan.failed":
      return { outcome: "failed" };
    default:
      return "server" in event ? { server: event.server } : {};
  }
}
