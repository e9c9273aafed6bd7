import type { EventRecord } from "../domain/event-record.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Logger } from "../domain/logger.ts";
import type { NamedVirtualServer } from "../domain/virtual-server-name.ts";
import { createEventLog } from "./event-log.ts";
import { EventMemory, type EventRing } from "./event-ring.ts";

export interface EventBusOptions {
  /** For events of the process itself. */
  readonly logger: Logger;
  /** The machines' clock. */
  readonly now: () => number;
  readonly timeOfDay: (ms: number) => Date;
}

/** Where the events of one virtual server come from. */
export interface EventSourceOptions {
  readonly logger: Logger;
  /** The virtual server, as it is called now. */
  readonly virtualServer: () => NamedVirtualServer;
  /** What the real server at an address is called now, where it has a name. */
  readonly nameOf: (server: string) => string | undefined;
  /** The process that may be undoing the daemon's work. */
  readonly culprit: () => string;
  /** Whether its clients wait, and are not refused, where nobody is in service. Absent: nobody knows. */
  readonly letsWait?: () => boolean;
  /** Counts what happens; `atMs`: when that was. */
  readonly count: (event: CareEvent, atMs: number) => void;
}

/**
 * Hears of an event when the decision behind it has been carried out. `records`: what was remembered of it, which is
 * nothing of good checks. `source`: undefined where it happened to the process itself, and so to all virtual servers.
 */
export type EventListener = (
  event: CareEvent,
  records: readonly EventRecord[],
  source: Pick<EventSource, "virtualServer"> | undefined,
) => void;

/**
 * Passes events on to all subscribers: the log, the memory, the metrics, and those that join. No decision depends on
 * an event, so subscribers get it when the decision has been carried out: no log line delays the write between a
 * failed check and weight 0 in the table. Good checks and rounds with nothing to do, which are nearly all, are passed
 * on immediately: to store them for later would cost more, and a turn of the event loop.
 */
export class EventBus {
  readonly #options: EventBusOptions;
  readonly #log: (event: CareEvent) => void;
  readonly #memory: EventMemory;
  /** What happened to the process itself, and so to all virtual servers. */
  readonly #ring: EventRing;
  readonly #sources = new Set<EventSource>();
  readonly #listeners: EventListener[] = [];
  /** Emitted; those from `#delivered` on are still to be delivered. */
  #emitted: { readonly event: CareEvent; readonly atMs: number; readonly source: EventSource | undefined }[] = [];
  #delivered = 0;
  #isDue = false;

  constructor(options: EventBusOptions) {
    this.#options = options;
    const log = (logger: Logger): ((event: CareEvent) => void) => createEventLog(logger, () => "");
    this.#log = log(options.logger);
    this.#memory = new EventMemory(options.timeOfDay);
    this.#ring = this.#memory.open(log);
  }

  /** One for each virtual server. */
  open(options: EventSourceOptions): EventSource {
    const { culprit, nameOf, letsWait } = options;
    const ring = this.#memory.open((logger) => createEventLog(logger, culprit, nameOf, letsWait), nameOf);
    const source = new EventSource(this, options, ring, () => {
      this.#sources.delete(source);
      ring.close();
    });
    this.#sources.add(source);
    return source;
  }

  join(listener: EventListener): void {
    this.#listeners.push(listener);
  }

  /**
   * `source`: the virtual server that it is about; all of them where none is given. `atMs`: when it happened; now by
   * default.
   */
  emit(event: CareEvent, source?: EventSource, atMs = this.#options.now()): void {
    // Still in order.
    if (isUsual(event) && this.#emitted.length === 0) return this.#deliverOne(event, atMs, source);
    this.#emitted.push({ event, atMs, source });
    this.#deliverSoon();
  }

  /** What is remembered of the process itself since the event with this id. */
  since(id: number): readonly EventRecord[] {
    return this.#ring.after(id);
  }

  /** Delivers now what was emitted. */
  catchUp(): void {
    this.#deliver(Number.POSITIVE_INFINITY, 0);
  }

  // --- internal ---

  #deliverSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      const waiting = this.#emitted.length - this.#delivered;
      this.#deliver(TURN_MS, Math.ceil(waiting * LEAST_SHARE));
      if (this.#emitted.length > 0) this.#deliverSoon();
    });
  }

  /** For so long, and so many at least. */
  #deliver(ms: number, least: number): void {
    const untilMs = performance.now() + ms;
    const until = this.#delivered + least;
    do {
      const next = this.#emitted[this.#delivered];
      if (next === undefined) break;
      this.#delivered++;
      this.#deliverOne(next.event, next.atMs, next.source);
    } while (this.#delivered < until || performance.now() < untilMs);
    if (this.#delivered < this.#emitted.length) return;
    this.#emitted = [];
    this.#delivered = 0;
  }

  #deliverOne(event: CareEvent, atMs: number, source: EventSource | undefined): void {
    let records: readonly EventRecord[];
    if (source === undefined) {
      this.#log(event);
      records = this.#ring.note(event, atMs);
      for (const one of this.#sources) one.count(event, atMs);
    } else {
      source.log(event);
      records = source.note(event, atMs);
      source.count(event, atMs);
    }
    for (const listener of this.#listeners) listener(event, records, source);
  }
}

/** Emits the events of one virtual server, and keeps their log, memory and counts. */
export class EventSource {
  readonly #bus: EventBus;
  readonly #log: (event: CareEvent) => void;
  readonly #ring: EventRing;
  readonly #count: EventSourceOptions["count"];
  readonly #virtualServer: EventSourceOptions["virtualServer"];
  readonly #leave: () => void;

  constructor(
    bus: EventBus,
    { logger, culprit, nameOf, letsWait, count, virtualServer }: EventSourceOptions,
    ring: EventRing,
    leave: () => void,
  ) {
    this.#bus = bus;
    this.#log = createEventLog(logger, culprit, nameOf, letsWait);
    this.#ring = ring;
    this.#count = count;
    this.#virtualServer = virtualServer;
    this.#leave = leave;
  }

  get virtualServer(): NamedVirtualServer {
    return this.#virtualServer();
  }

  /** `atMs`: when it happened, now unless given. */
  emit(event: CareEvent, atMs?: number): void {
    this.#bus.emit(event, this, atMs);
  }

  /** What is remembered since the event with this id, including what happened to the process itself. */
  since(id: number): readonly EventRecord[] {
    const [own, shared] = [this.ownSince(id), this.#bus.since(id)];
    return shared.length === 0 ? own : [...own, ...shared].toSorted((a, b) => a.id - b.id);
  }

  /** The same without what happened to the process. */
  ownSince(id: number): readonly EventRecord[] {
    this.#bus.catchUp();
    return this.#ring.after(id);
  }

  /** Its virtual server is no longer cared for: what was remembered is forgotten. */
  close(): void {
    this.#leave();
  }

  /** For the bus. */
  log(event: CareEvent): void {
    this.#log(event);
  }

  /** For the bus. */
  note(event: CareEvent, atMs: number): readonly EventRecord[] {
    return this.#ring.note(event, atMs);
  }

  /** For the bus. */
  count(event: CareEvent, atMs: number): void {
    this.#count(event, atMs);
  }
}

// --- internal ---

function isUsual(event: CareEvent): boolean {
  if (event.type === "realServer.probed") return event.verdict.passed;
  return event.type === "plan.applied" && event.complete && event.operations.length === 0;
}

/** When hundreds of servers fail at once there is much to deliver: writes and checks get a turn in between. */
const TURN_MS = 5;

/** Of what waits, in each turn: on a host that gives this process hardly any time, what comes must not outrun what goes. */
const LEAST_SHARE = 1 / 32;
