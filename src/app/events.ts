import { requestEventReports } from "../control/client.ts";
import { isOfProcess, type EventRecord, type EventReport } from "../domain/event-record.ts";
import { describeElsewhere } from "../domain/status.ts";
import { ofVirtualServer, type NamedVirtualServer, type OfVirtualServer } from "../domain/virtual-server-name.ts";
import { askDaemons, notRunning, type Whereabouts } from "./daemon-sockets.ts";

/** An event and its virtual server; none where it happened to a daemon of several, and so to all of them. */
export interface TimedEvent extends EventRecord, Partial<OfVirtualServer> {}

/** What is new, and which daemons could not be asked for it. */
export interface EventReading {
  readonly events: readonly TimedEvent[];
  /** The present on their clock, which cannot be set: the latest `sinceBootMs`. */
  readonly nowMs: number;
  /** The virtual servers of the daemons that answered. */
  readonly virtualServers: readonly NamedVirtualServer[];
  readonly complaints: readonly string[];
  /** Of daemons in other network namespaces, which were not asked for more. */
  readonly mentions: readonly string[];
}

/** What running daemons remember, and what is new each time that they are asked again. */
export class EventReader {
  /** By socket: which run of the daemon, and the last id that was read of it. */
  readonly #read = new Map<string, { readonly startedAt: string; readonly lastId: number }>();

  readonly #virtualServers: readonly string[];

  /** Of these virtual servers, by address or name, or of all. */
  constructor(virtualServers: readonly string[] = []) {
    this.#virtualServers = virtualServers;
  }

  /**
   * The new events from all daemons, in order of time. Rejects with NOT_RUNNING when none answers.
   */
  async next(): Promise<EventReading> {
    const answers = await askDaemons((socket) => this.#ask(socket), whoseEvents, this.#virtualServers);
    if (answers.told.length === 0) throw await notRunning(answers);
    const told = answers.told.map(({ answer }) => answer);
    return {
      // By the clock that cannot be set.
      events: told.flatMap(({ events }) => events).toSorted((a, b) => a.sinceBootMs - b.sinceBootMs),
      nowMs: told.reduce((latest, { sinceBootMs }) => Math.max(latest, sinceBootMs), 0),
      virtualServers: told,
      complaints: answers.complaints,
      mentions: answers.elsewhere.map(({ where }) => describeElsewhere(where)),
    };
  }

  // --- internal ---

  async #ask(socket: string): Promise<readonly ToldEvents[]> {
    const known = this.#read.get(socket);
    let reports = await requestEventReports(socket, known?.lastId ?? 0, this.#virtualServers);
    const startedAt = reports[0]?.startedAt;
    if (startedAt === undefined) return [];
    // After a restart, its ids start from the beginning.
    const isAnew = known !== undefined && known.startedAt !== startedAt;
    if (isAnew) reports = await requestEventReports(socket, 0, this.#virtualServers);
    const before = isAnew ? 0 : (known?.lastId ?? 0);
    const lastId = reports.reduce((last, { events }) => Math.max(last, events.at(-1)?.id ?? 0), before);
    this.#read.set(socket, { startedAt: reports[0]?.startedAt ?? startedAt, lastId });
    return reports.map((report) => ({ ...report, events: eventsOf(report, reports.length > 1) }));
  }
}

// --- internal ---

interface ToldEvents extends EventReport {
  readonly events: readonly TimedEvent[];
}

function eventsOf(report: EventReport, isOneOfSeveral: boolean): readonly TimedEvent[] {
  const whose = ofVirtualServer(report);
  return report.events.map((event) => (isOneOfSeveral && isOfProcess(event) ? event : { ...event, ...whose }));
}

function whoseEvents({ address, protocol, networkNamespace }: ToldEvents): Whereabouts {
  return { address, protocol, networkNamespace };
}
