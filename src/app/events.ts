import { requestEvents } from "../control/client.ts";
import { LvscareError } from "../domain/errors.ts";
import type { EventRecord } from "../domain/event-record.ts";
import { complaintsOf, daemonFolder, daemonSockets, nobodyAnswers } from "./daemon-sockets.ts";

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
}

/** What running daemons remember, and what is new each time that they are asked again. */
export class EventReader {
  /** By socket: which run of the daemon, and the last id that was read of it. */
  readonly #read = new Map<string, { readonly startedAt: string; readonly lastId: number }>();

  /** Of all daemons together, by time. Rejects with NOT_RUNNING when none answers. */
  async next(): Promise<EventReading> {
    const folder = daemonFolder();
    const sockets = daemonSockets(folder);
    const answers = await Promise.allSettled(sockets.map((socket) => this.#ask(socket)));
    const complaints = complaintsOf(answers);
    if (!answers.some(({ status }) => status === "fulfilled")) {
      throw new LvscareError("NOT_RUNNING", [nobodyAnswers(folder), ...complaints].join("; "), {
        remedy: "start one with lvscare care",
      });
    }
    const told = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    return {
      events: told.flatMap(({ events }) => events).toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)),
      virtualServers: told.map(({ virtualServer }) => virtualServer),
      complaints,
    };
  }

  // --- internal ---

  async #ask(socket: string): Promise<{ readonly virtualServer: string; readonly events: readonly TimedEvent[] }> {
    const known = this.#read.get(socket);
    let report = await requestEvents(socket, known?.lastId ?? 0);
    // Started anew since, it counts from the beginning.
    if (known !== undefined && known.startedAt !== report.startedAt) report = await requestEvents(socket, 0);
    const lastId = report.events.at(-1)?.id ?? (known?.startedAt === report.startedAt ? known.lastId : 0);
    this.#read.set(socket, { startedAt: report.startedAt, lastId });
    const { address: virtualServer } = report;
    return { virtualServer, events: report.events.map((event) => ({ ...event, virtualServer })) };
  }
}
