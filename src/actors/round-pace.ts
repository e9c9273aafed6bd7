/** When a supervisor's rounds are and may be, on its clock. */
export interface Pace {
  /** When the running round began, or the last one. */
  readonly beganMs: number;
  /** How long the last round took that did not read the table, or failed. */
  readonly tookMs: number;
  /** When the last round ended. */
  readonly endedMs: number;
  /** When to read the table again. */
  readonly readAtMs: number;
  /** The last round read the table and found it as it should be. */
  readonly wasQuiet: boolean;
}

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

// --- internal ---

const SHORTEST_REST_MS = 5;
const LONGEST_REST_MS = 500;
const LONG_REST = 10;
