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

  /** Of all daemons together, in the order in which it happened, and the last `withinMs` of it. Rejects with NOT_RUNNING when none answers. */
  async next(withinMs = Number.POSITIVE_INFINITY): Promise<EventReading> {
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
      events: inOrder(told, withinMs),
      virtualServers: told.map(({ virtualServer }) => virtualServer),
      complaints,
    };
  }

  // --- internal ---

  async #ask(socket: string): Promise<ToldEvents> {
    const known = this.#read.get(socket);
    let report = await requestEvents(socket, known?.lastId ?? 0);
    // Started anew since, it counts from the beginning.
    if (known !== undefined && known.startedAt !== report.startedAt) report = await requestEvents(socket, 0);
    const lastId = report.events.at(-1)?.id ?? (known?.startedAt === report.startedAt ? known.lastId : 0);
    this.#read.set(socket, { startedAt: report.startedAt, lastId });
    const { address: virtualServer, sinceBootMs } = report;
    return { virtualServer, sinceBootMs, events: report.events.map((event) => ({ ...event, virtualServer })) };
  }
}

// --- internal ---

interface ToldEvents {
  readonly virtualServer: string;
  /** Daemons of older versions know the time of day alone. */
  readonly sinceBootMs: number | undefined;
  readonly events: readonly TimedEvent[];
}

/** By the clock that nobody can set; what came without it counts as long ago as the time of day says. */
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
