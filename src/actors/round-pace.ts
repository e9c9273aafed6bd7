import type { VirtualServerContext } from "./virtual-server-context.ts";

/**
 * For how long changes that follow a round share the next one, since each round looks at all real servers: as long as the last one took
 * that did not read, so that those take half of the time at most, however many there are. Milliseconds.
 */
export function restMs({ roundMs }: VirtualServerContext): number {
  return Math.min(LONGEST_REST_MS, Math.max(SHORTEST_REST_MS, roundMs));
}

/**
 * From when on a change no longer waits for the timer that ends that rest: where hundreds of servers fail at once, no timer gets a turn before all of
 * them were heard. Rounds take a small part of that time only: they would keep us from hearing the others.
 */
export function overdueAtMs(context: VirtualServerContext): number {
  return context.endedAtMs + Math.min(LONGEST_REST_MS, LONG_REST * restMs(context));
}

/**
 * When the table is to be read again: nobody tells us what others do to it. Sooner where removals wait for that; later, by an interval at the
 * most, while there is something to write at each round: reading a large table would keep us from hearing whom else to take out.
 */
export function nextReadingMs({ read, policy, isPostponed, dirty }: VirtualServerContext): number {
  const pauseMs = isPostponed ? Math.min(policy.intervalMs, READING_SHARE * read.tookMs) : policy.intervalMs;
  return read.atMs + pauseMs + (dirty ? policy.intervalMs : 0);
}

// --- internal ---

const SHORTEST_REST_MS = 5;
const LONGEST_REST_MS = 500;
const LONG_REST = 10;

/** Reading a large table holds up the writes that cannot wait: where removals ask for it, it takes this part of the time at most. */
const READING_SHARE = 4;
