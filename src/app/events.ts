import { requestEvents } from "../control/client.ts";
import type { EventRecord } from "../domain/event-record.ts";
import { describeElsewhere } from "../domain/status.ts";
import { askDaemons, notRunning } from "./daemon-sockets.ts";

/** An event and whose it is. */
export interface TimedEvent extends EventRecord {
  readonly virtualServer: string;
}

/** What is new, and which daemons could not be asked for it. */
export interface EventReading {
  readonly events: readonly TimedEvent[];
  /** The virtual servers of those that could. */
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

  /** Of all daemons together, by time. Rejects with NOT_RUNNING when none answers. */
  async next(): Promise<EventReading> {
    const answers = await askDaemons((socket) => this.#ask(socket), whoseEvents, this.#virtualServers);
    if (answers.told.length === 0) throw notRunning(answers);
    const told = answers.told.map(({ answer }) => answer);
    return {
      events: told.flatMap(({ events }) => events).toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)),
      virtualServers: told.map(({ virtualServer }) => virtualServer),
      complaints: answers.complaints,
      mentions: answers.elsewhere.map(({ where }) => describeElsewhere(where)),
    };
  }

  // --- internal ---

  async #ask(socket: string): Promise<Told> {
    const known = this.#read.get(socket);
    let report = await requestEvents(socket, known?.lastId ?? 0);
    // Started anew since, it counts from the beginning.
    if (known !== undefined && known.startedAt !== report.startedAt) report = await requestEvents(socket, 0);
    const lastId = report.events.at(-1)?.id ?? (known?.startedAt === report.startedAt ? known.lastId : 0);
    this.#read.set(socket, { startedAt: report.startedAt, lastId });
    const { address: virtualServer, networkNamespace } = report;
    const events = report.events.map((event) => ({ ...event, virtualServer }));
    return { virtualServer, events, networkNamespace };
  }
}

// --- internal ---

interface Told {
  readonly virtualServer: string;
  readonly events: readonly TimedEvent[];
  readonly networkNamespace: string | undefined;
}

function whoseEvents({ virtualServer, networkNamespace }: Told): {
  readonly address: string;
  readonly networkNamespace: string | undefined;
} {
  return { address: virtualServer, networkNamespace };
}
