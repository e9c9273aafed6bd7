import type { CareEvent } from "../domain/events.ts";
import type { EventRecord } from "../domain/event-record.ts";
import { withoutCertificate } from "../domain/health.ts";
import type { Logger } from "../domain/logger.ts";
import { describeOperation } from "../domain/plan.ts";

/** Turns every event into its log lines. */
type Teller = (logger: Logger) => (event: CareEvent) => void;

/**
 * Remembers events, in the words of the log, for later questions. Good checks are not events: there are too many of
 * them. It has a ring for each virtual server and one for the process, with ids that are unique in all of them.
 * Each ring keeps a thousand records; all together keep ten thousand, and beyond that the ring with the most records
 * forgets its oldest. So memory is bounded for any number of virtual servers, and a noisy one makes no quiet one
 * forget.
 */
export class EventMemory {
  readonly #timeOfDay: (ms: number) => Date;
  readonly #rings = new Set<EventRing>();
  #lastId = 0;
  #size = 0;

  /** `timeOfDay`: of the clock that events come with, which counts from the host's boot. */
  constructor(timeOfDay: (ms: number) => Date) {
    this.#timeOfDay = timeOfDay;
  }

  /** `nameOf`: of the real server at an address, where it has one. */
  open(teller: Teller, nameOf: (server: string) => string | undefined = () => undefined): EventRing {
    const ring = new EventRing(teller, {
      nameOf,
      nextId: () => ++this.#lastId,
      timeOfDay: this.#timeOfDay,
      grew: (by) => this.#grew(by),
      closed: () => {
        this.#rings.delete(ring);
        this.#size -= ring.size;
      },
    });
    this.#rings.add(ring);
    return ring;
  }

  // --- internal ---

  #grew(by: number): void {
    this.#size += by;
    if (this.#size <= MOST_IN_ALL + SLACK) return;
    while (this.#size > MOST_IN_ALL) {
      let longest: EventRing | undefined;
      for (const ring of this.#rings) if (longest === undefined || ring.size > longest.size) longest = ring;
      if (longest === undefined) return;
      const count = Math.ceil(longest.size / 10);
      longest.forget(count);
      this.#size -= count;
    }
  }
}

/** What an `EventRing` gets of the memory that it is part of. */
interface EventRingPorts {
  readonly nextId: () => number;
  readonly nameOf: (server: string) => string | undefined;
  readonly timeOfDay: (ms: number) => Date;
  /** It has so many records more, or fewer. */
  readonly grew: (by: number) => void;
  readonly closed: () => void;
}

/** The last events of one virtual server, or those of the process. */
export class EventRing {
  readonly #records: EventRecord[] = [];
  readonly #ports: EventRingPorts;
  readonly #tell: (event: CareEvent) => void;
  /** Of the event that is being handled. */
  #lines: Line[] = [];

  constructor(teller: Teller, ports: EventRingPorts) {
    this.#ports = ports;
    this.#tell = teller({
      debug: (message) => this.#lines.push({ level: "debug", message }),
      info: (message) => this.#lines.push({ level: "info", message }),
      warn: (message) => this.#lines.push({ level: "warn", message }),
      error: (message) => this.#lines.push({ level: "error", message }),
    });
  }

  get size(): number {
    return this.#records.length;
  }

  /** Returns the records that it becomes. */
  note(event: CareEvent, atMs: number): readonly EventRecord[] {
    if (event.type === "realServer.probed" && event.verdict.passed) return NOTHING;
    this.#lines = [];
    this.#tell(event);
    const before = this.size;
    const noted: EventRecord[] = [];
    const details = detailsOf(event);
    const name = details.server === undefined ? undefined : this.#ports.nameOf(details.server);
    for (const { level, messages } of paragraphs(this.#lines)) {
      noted.push({
        id: this.#ports.nextId(),
        at: this.#ports.timeOfDay(atMs).toISOString(),
        sinceBootMs: Math.round(atMs * 1000) / 1000,
        level,
        message: listed(messages, (message) => (typeof message === "string" ? message : message())).join("; "),
        type: event.type,
        ...details,
        ...(name !== undefined && { serverName: name }),
      });
    }
    this.#records.push(...noted);
    if (this.size > MOST_RECORDS + SLACK) this.forget(SLACK);
    this.#ports.grew(this.size - before);
    return noted;
  }

  /** Those after this id, in order. */
  after(id: number): readonly EventRecord[] {
    const first = this.#records.findIndex((record) => record.id > id);
    return first === -1 ? [] : this.#records.slice(first);
  }

  /** The oldest ones. */
  forget(count: number): void {
    this.#records.splice(0, count);
  }

  close(): void {
    this.#ports.closed();
  }
}

// --- internal ---

const NOTHING: readonly EventRecord[] = [];
const MOST_RECORDS = 1000;
/** Some three mebibytes. */
const MOST_IN_ALL = 10_000;
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
      return { server, from, to, ...(verdict && { verdict: withoutCertificate(verdict) }) };
    }
    case "realServer.probed":
      return { server: event.server, verdict: withoutCertificate(event.verdict) };
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
