import { requestEvents } from "../control/client.ts";
import { LvscareError } from "../domain/errors.ts";
import type { EventRecord } from "../domain/event-record.ts";
import { daemonFolder, daemonSockets, nobodyAnswers } from "./daemon-sockets.ts";

/** An event and whose it is. */
export interface TimedEvent extends EventRecord {
  readonly virtualServer: string;
}

/** What running daemons remember, and what is new each time that they are asked again. */
export class EventReader {
  /** By socket: which run of the daemon, and the last id that was read of it. */
  readonly #read = new Map<string, { readonly startedAt: string; readonly lastId: number }>();

  /** Of all daemons together, by time. Rejects with NOT_RUNNING when none answers. */
  async next(): Promise<readonly TimedEvent[]> {
    const folder = daemonFolder();
    const sockets = daemonSockets(folder);
    const answers = await Promise.allSettled(sockets.map((socket) => this.#ask(socket)));
    if (!answers.some(({ status }) => status === "fulfilled")) {
      throw new LvscareError("NOT_RUNNING", nobodyAnswers(folder), { remedy: "start one with lvscare care" });
    }
    return answers
      .flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []))
      .toSorted((a, b) => a.at.localeCompare(b.at));
  }

  // --- internal ---

  async #ask(socket: string): Promise<readonly TimedEvent[]> {
    const known = this.#read.get(socket);
    let report = await requestEvents(socket, known?.lastId ?? 0);
    // Started anew since, it counts from the beginning.
    if (known !== undefined && known.startedAt !== report.startedAt) report = await requestEvents(socket, 0);
    const lastId = report.events.at(-1)?.id ?? (known?.startedAt === report.startedAt ? known.lastId : 0);
    this.#read.set(socket, { startedAt: report.startedAt, lastId });
    return report.events.map((event) => ({ ...event, virtualServer: report.address }));
  }
}
