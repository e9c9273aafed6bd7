import type { TimedEvent } from "../app/events.ts";
import { formatDuration } from "../domain/duration.ts";
import { describeNamed } from "../domain/name.ts";
import { describeVirtualServer, isOfVirtualServer, virtualServerOf } from "../domain/virtual-server-name.ts";

/** An event, and how long its real server was out where it came back with it. */
export interface ToldEvent extends TimedEvent {
  readonly outForMs?: number;
}

/** One line of `lvscare events`: an event, or several that are alike. */
export interface EventLine {
  /** Of the first of them. */
  readonly at: string;
  readonly whose: string;
  readonly level: TimedEvent["level"];
  readonly message: string;
}

/** Remembers who is out since when, over all that it is given: events in the order of time. */
export class OutTimes {
  readonly #since = new Map<string, number>();

  tell(events: readonly TimedEvent[]): readonly ToldEvent[] {
    return events.map((event) => {
      const { from, to, sinceBootMs } = event;
      if (to === undefined) return event;
      const key = serverKey(event);
      const since = this.#since.get(key);
      if (to !== "healthy") {
        if (since === undefined && from === "healthy") this.#since.set(key, sinceBootMs);
        return event;
      }
      this.#since.delete(key);
      return since === undefined ? event : { ...event, outForMs: sinceBootMs - since };
    });
  }
}

/**
 * The events for people. Who goes out and in again and again is one line, at the time of the last change; many that
 * change alike at the same time are one, and so is what is told of one server again and again.
 */
export function linesOf(events: readonly ToldEvent[]): readonly EventLine[] {
  const flaps = flapping(events);
  const groups: Group[] = [];
  const alike = new Map<string, Group>();
  for (const event of events) {
    const flap = flaps.get(event);
    if (flap !== undefined) {
      if (flap.at(-1) === event) groups.push({ kind: "flap", events: flap });
      continue;
    }
    const key = groupKey(event);
    const open = alike.get(key);
    if (open !== undefined && belongsTo(open, event)) open.events.push(event);
    else {
      const group: Group = { kind: event.to === undefined ? "repeat" : "change", events: [event] };
      groups.push(group);
      alike.set(key, group);
    }
  }
  return groups.flatMap(describe);
}

// --- internal ---

/** So many go one by one. */
const MOST_ALONE = 2;
/** Those that change within this time of each other are told together. */
const TOGETHER_MS = 2000;
/** Who goes out so many times, */
const FLAPS = 3;
/** each time so soon after the last change, flaps. */
const SOON_MS = 300_000;
/** Of many servers, and of many reasons. */
const MOST_NAMED = 3;

interface Group {
  readonly kind: "flap" | "change" | "repeat";
  readonly events: ToldEvent[];
}

function serverKey(event: TimedEvent): string {
  return `${event.virtualServerProtocol ?? ""} ${event.virtualServer ?? ""} ${event.server ?? ""}`;
}

/** Changes of all servers to a state go together; of what else there is, what is told of one server. */
function groupKey(event: ToldEvent): string {
  const { to, type } = event;
  return to === undefined ? `${type} ${serverKey(event)}` : `${to} ${serverKey({ ...event, server: "" })}`;
}

function belongsTo({ kind, events }: Group, event: ToldEvent): boolean {
  const last = events.at(-1);
  if (last === undefined) return false;
  if (kind === "change") return event.sinceBootMs - last.sinceBootMs <= TOGETHER_MS;
  return event.server !== undefined && last.message === event.message && last.level === event.level;
}

/** Each event of a server that flaps, and all of those of that time. */
function flapping(events: readonly ToldEvent[]): ReadonlyMap<ToldEvent, ToldEvent[]> {
  const runs = new Map<string, ToldEvent[]>();
  const flaps = new Map<ToldEvent, ToldEvent[]>();
  const close = (run: ToldEvent[]): void => {
    if (run.filter(isOut).length >= FLAPS) for (const event of run) flaps.set(event, run);
  };
  for (const event of events) {
    if (event.to === undefined) continue;
    const key = serverKey(event);
    const run = runs.get(key);
    const last = run?.at(-1);
    if (run !== undefined && last !== undefined && event.sinceBootMs - last.sinceBootMs <= SOON_MS) run.push(event);
    else {
      if (run !== undefined) close(run);
      // What led to being healthy for the first time is no flapping.
      if (isOut(event)) runs.set(key, [event]);
      else runs.delete(key);
    }
  }
  for (const run of runs.values()) close(run);
  return flaps;
}

function isOut({ from, to }: ToldEvent): boolean {
  return from === "healthy" && to !== "healthy";
}

function describe({ kind, events }: Group): readonly EventLine[] {
  const [first] = events;
  if (first === undefined) return [];
  if (kind === "flap") return [{ ...lineOf(events.at(-1) ?? first), message: describeFlapping(events) }];
  if (events.length <= MOST_ALONE) return events.map(lineOf);
  return [{ ...lineOf(first), message: kind === "change" ? describeChange(events) : describeRepeat(events) }];
}

function lineOf(event: ToldEvent): EventLine {
  const { at, level, message, verdict, from, outForMs } = event;
  const whose = isOfVirtualServer(event) ? describeVirtualServer(virtualServerOf(event)) : "all";
  // A failed check's message already says how long it took.
  const took = verdict === undefined || from === undefined ? "" : ` (found in ${formatDuration(verdict.latencyMs)})`;
  const out = outForMs === undefined ? "" : `, out for ${span(outForMs)}`;
  return { at, whose, level, message: `${message}${took}${out}` };
}

/** `200 real servers → healthy: status 200 (10.0.0.1:80, 10.0.0.2:80, …), out for 4s to 6s` */
function describeChange(events: readonly ToldEvent[]): string {
  const servers = [...new Set(events.flatMap((event) => serverOf(event) ?? []))];
  const outs = events.flatMap(({ outForMs }) => outForMs ?? []).toSorted((a, b) => a - b);
  const [shortest, longest] = [span(outs[0] ?? 0), span(outs.at(-1) ?? 0)];
  const out = shortest === longest ? shortest : `${shortest} to ${longest}`;
  const reasons = reasonsOf(events);
  return [
    `${servers.length} real servers → ${events[0]?.to}`,
    reasons === "" ? "" : `: ${reasons}`,
    ` (${first(servers)})`,
    outs.length === 0 ? "" : `, out for ${out}`,
  ].join("");
}

/** `real server 10.0.0.1:80 flaps: 5 times out in 3m20s, for 40s altogether, healthy now; connect refused` */
function describeFlapping(events: readonly ToldEvent[]): string {
  const [began, last] = [events[0], events.at(-1)];
  const outs = events.filter(isOut);
  const outForMs = events.reduce((sum, one) => sum + (one.outForMs ?? 0), 0);
  const lastedMs = (last?.sinceBootMs ?? 0) - (began?.sinceBootMs ?? 0);
  return `real server ${began && serverOf(began)} flaps: ${outs.length} times out in ${span(lastedMs)}, for ${span(outForMs)} altogether, ${last?.to} now; ${reasonsOf(outs)}`;
}

/** `check of 10.0.0.1:80 failed …, 12 times in 3m20s` */
function describeRepeat(events: readonly ToldEvent[]): string {
  const lastedMs = (events.at(-1)?.sinceBootMs ?? 0) - (events[0]?.sinceBootMs ?? 0);
  return `${events[0]?.message}, ${events.length} times in ${span(lastedMs)}`;
}

/** `status 200`, or each with how many had it. */
function reasonsOf(events: readonly ToldEvent[]): string {
  const counts = Map.groupBy(events, (event) => event.verdict?.reason ?? "");
  counts.delete("");
  const texts = [...counts].toSorted(([, a], [, b]) => b.length - a.length);
  if (texts.length === 1) return texts[0]?.[0] ?? "";
  return first(texts.map(([reason, { length }]) => `${reason} (${length})`));
}

function first(texts: readonly string[]): string {
  return [...texts.slice(0, MOST_NAMED), ...(texts.length > MOST_NAMED ? ["…"] : [])].join(", ");
}

function serverOf({ server, serverName }: ToldEvent): string | undefined {
  return server && describeNamed({ address: server, name: serverName });
}

/** In whole seconds, or below one in milliseconds. */
function span(ms: number): string {
  return formatDuration(ms < 1000 ? Math.round(ms) : Math.round(ms / 1000) * 1000);
}
