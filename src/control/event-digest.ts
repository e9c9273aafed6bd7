import { describeNamed } from "../domain/name.ts";
import type { EventRecord } from "../domain/event-record.ts";
import type { RealServerState } from "../domain/health.ts";

/** What happened, in as few words as a timeline needs: the same change of many real servers is one entry. */
export interface TimelineEntry extends Pick<EventRecord, "id" | "at" | "level" | "type"> {
  /** When the last one happened; absent where that is when the first one did. */
  readonly until?: string;
  /** Of a change of state there are these instead: whose, and what for, as far as all have the same reason. */
  readonly message?: string;
  readonly from?: RealServerState;
  readonly to?: RealServerState;
  readonly reason?: string;
  /** The first of so many. */
  readonly servers?: readonly string[];
  readonly count?: number;
  /** Healthy again: the longest time that one of them was not. */
  readonly outForMs?: number;
}

/** Makes entries of the events of one virtual server, which it is told in their order. */
export class EventDigest {
  /** Since when a real server is not healthy. */
  readonly #outSince = new Map<string, number>();

  digest(events: readonly EventRecord[]): readonly TimelineEntry[] {
    const entries: TimelineEntry[] = [];
    for (const event of events) {
      // A turn of a long row of the same is told by its first one.
      const outForMs = this.#note(event);
      if (event.level === "debug") continue;
      const entry = entryOf(event, outForMs);
      const last = entries.at(-1);
      const both = last && together(last, entry);
      if (both === undefined) entries.push(entry);
      else entries[entries.length - 1] = both;
    }
    return entries;
  }

  // --- internal ---

  #note({ type, server, from, to, sinceBootMs }: EventRecord): number | undefined {
    if (type !== "realServer.healthChanged" || server === undefined) return undefined;
    if (to !== "healthy") {
      if (from === "healthy") this.#outSince.set(server, sinceBootMs);
      return undefined;
    }
    const sinceMs = this.#outSince.get(server);
    this.#outSince.delete(server);
    return sinceMs === undefined ? undefined : Math.round(sinceBootMs - sinceMs);
  }
}

// --- internal ---

/** Of those that change together, so many are named. */
const MOST_NAMED = 5;

/** The same change soon after another is told with it. */
const TOGETHER_MS = 10_000;

function entryOf(record: EventRecord, outForMs?: number): TimelineEntry {
  const { id, at, level, type, from, to, message } = record;
  const server = record.server && describeNamed({ address: record.server, name: record.serverName });
  const entry = { id, at, level, type };
  if (type !== "realServer.healthChanged" || server === undefined || from === undefined || to === undefined)
    return { ...entry, message, ...(server !== undefined && { servers: [server] }) };
  const reason = reasonIn(message);
  return {
    ...entry,
    from,
    to,
    servers: [server],
    ...(reason !== undefined && { reason }),
    ...(outForMs !== undefined && { outForMs }),
  };
}

/** `real server 10.0.0.1:80 healthy → draining: status 503` */
function reasonIn(message: string): string | undefined {
  const [, reason] = /→ \w+: (.*)$/s.exec(message) ?? [];
  return reason;
}

function together(last: TimelineEntry, next: TimelineEntry): TimelineEntry | undefined {
  if (next.to === undefined || last.type !== next.type || last.from !== next.from || last.to !== next.to)
    return undefined;
  if (last.level !== next.level) return undefined;
  if (Date.parse(next.at) - Date.parse(last.until ?? last.at) > TOGETHER_MS) return undefined;
  const { reason, ...others } = last;
  const outForMs = Math.max(last.outForMs ?? -1, next.outForMs ?? -1);
  return {
    ...others,
    id: next.id,
    until: next.until ?? next.at,
    servers: [...(last.servers ?? []), ...(next.servers ?? [])].slice(0, MOST_NAMED),
    count: (last.count ?? 1) + (next.count ?? 1),
    ...(reason !== undefined && reason === next.reason && { reason }),
    ...(outForMs >= 0 && { outForMs }),
  };
}
