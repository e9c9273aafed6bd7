import { isChecked } from "../desired/member.ts";
import { isLasting } from "../desired/next.ts";
import type { Pace, VirtualServerContext } from "./virtual-server-context.ts";

export const BEFORE_THE_FIRST_ROUND: Pace = { beganMs: 0, tookMs: 0, endedMs: 0, readAtMs: 0, wasQuiet: false };

/**
 * How long changes after a round wait so that they share the next one, in milliseconds: as long as the last round
 * without a reading took. Each round looks at all real servers; this way rounds take at most half of the time,
 * however many servers there are.
 */
export function restMs({ tookMs }: Pace): number {
  return Math.min(LONGEST_REST_MS, Math.max(SHORTEST_REST_MS, tookMs));
}

/**
 * From then on, a change no longer waits for the timer that ends this rest. When hundreds of servers fail at once, no
 * timer gets a turn until all failures were handled. Rounds still take only a small part of that time, or they would
 * delay the other failures.
 */
export function overdueAtMs(pace: Pace): number {
  return pace.endedMs + Math.min(LONGEST_REST_MS, LONG_REST * restMs(pace));
}

/** How long after a round the table is to be read again, in milliseconds, when nothing else calls for another. */
export function untilReadingMs(context: VirtualServerContext): number {
  const { pace, policy, now } = context;
  // The round itself may have found something that calls for another.
  const atMs = lasts(context) ? pace.readAtMs : Math.min(pace.readAtMs, pace.beganMs + policy.intervalMs);
  return Math.min(LONGEST_DELAY_MS, Math.max(0, atMs - now()));
}

/**
 * Nothing calls for a round but events: not time, not the connections of a server that drains, and not the first good
 * check of one that was taken over as healthy, which changes no state.
 */
export function lasts({ wanted, overlay, isWithdrawn, seen }: VirtualServerContext): boolean {
  if (isWithdrawn || !isLasting(wanted, overlay)) return false;
  return seen.all.every(
    ({ state }) =>
      isChecked(state) && (state.state === "removed" || (state.state === "healthy" && state.history === "proven")),
  );
}

// --- internal ---

/** Of timers; some twenty-five days. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

const SHORTEST_REST_MS = 5;
const LONGEST_REST_MS = 500;
const LONG_REST = 10;
