import { requestEvents } from "../control/client.ts";
import type { EventRecord } from "../domain/event-record.ts";
import { describeElsewhere } from "../domain/status.ts";
import { askDaemons, notRunning } from "./daemon-sockets.ts";

/** An event and its virtual server. */
export interface TimedEvent extends EventRecord {
  readonly virtualServer: string;
}

/** What is new, and which daemons could not be asked for it. */
export interface EventReading {
  readonly events: readonly TimedEvent[];
  /** The virtual servers of the daemons that answered. */
  readonly virtualServers: readonly string[];
  readonly complaints: readonly string[];
  /** Of daemons in other network namespaces, which were not asked for more. */
  readonly mentions: readonly string[];
}

/** What running daemons remember, and what is new each time that they are asked again. */
export class EventReader {
  /** By socket: which run of the daemon, and the last id that was read of it. */
  readonly #read = new Map<string, { readonly startedAt: string; readonly lastId: number }>();

  readonly #virtualServers: readonly string[];

  /** Of these virtual servers, or of all. */
  constructor(virtualServers: readonly string[] = []) {
    this.#virtualServers = virtualServers;
  }

  /**
   * The events of the last `withinMs` from all daemons, in order of time. Rejects with NOT_RUNNING when none answers.
   */
  async next(withinMs = Number.POSITIVE_INFINITY): Promise<EventReading> {
    const answers = await askDaemons((socket) => this.#ask(socket), whoseEvents, this.#virtualServers);
    if (answers.told.length === 0) throw notRunning(answers);
    const told = answers.told.map(({ answer }) => answer);
    return {
      events: inOrder(told, withinMs),
      virtualServers: told.map(({ virtualServer }) => virtualServer),
      complaints: answers.complaints,
      mentions: answers.elsewhere.map(({ where }) => describeElsewhere(where)),
    };
  }

  // --- internal ---

  async #ask(socket: string): Promise<ToldEvents> {
    const known = this.#read.get(socket);
    let report = await requestEvents(socket, known?.lastId ?? 0);
    // After a restart, its ids start from the beginning.
    if (known !== undefined && known.startedAt !== report.startedAt) report = await requestEvents(socket, 0);
    const lastId = report.events.at(-1)?.id ?? (known?.startedAt === report.startedAt ? known.lastId : 0);
    this.#read.set(socket, { startedAt: report.startedAt, lastId });
    const { address: virtualServer, sinceBootMs, networkNamespace } = report;
    const events = report.events.map((event) => ({ ...event, virtualServer }));
    return { virtualServer, sinceBootMs, networkNamespace, events };
  }
}

// --- internal ---

interface ToldEvents {
  readonly virtualServer: string;
  /** Daemons of older versions know the time of day alone. */
  readonly sinceBootMs: number | undefined;
  readonly networkNamespace: string | undefined;
  readonly events: readonly TimedEvent[];
}

function whoseEvents({ virtualServer, networkNamespace }: ToldEvents): {
  readonly address: string;
  readonly networkNamespace: string | undefined;
} {
  return { address: virtualServer, networkNamespace };
}

/** Ordered by the clock that cannot be set. An event without its time is placed by the time of day. */
function inOrder(told: readonly ToldEvents[], withinMs: number): readonly TimedEvent[] {
  const nowMs = Math.max(0, ...told.map(({ sinceBootMs }) => sinceBootMs ?? 0));
  const byTimeOfDay = ({ at }: TimedEvent): number => nowMs - (Date.now() - Date.parse(at));
  return told
    .flatMap(({ sinceBootMs, events }) =>
      events.map((event) => ({ event, atMs: sinceBootMs === undefined ? byTimeOfDay(event) : event.sinceBootMs })),
    )
    .filter(({ atMs }) => nowMs - atMs <= withinMs)
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ event }) => event);
}
