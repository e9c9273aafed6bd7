/** When a supervisor's rounds are and may be, on its clock. */
export interface Pace {
  /** When the running round began, or the last one. */
  readonly beganMs: number;
  /** How long the last round took that did not read the table, or failed. */
  readonly tookMs: number;
  /** When the last round ended. */
  readonly endedMs: number;
  /** When the table is to be read again. */
  readonly readAtMs: number;
  /** The last round read the table and found it as it should be. */
  readonly wasQuiet: boolean;
}

export const BEFORE_THE_FIRST_ROUND: Pace = { beganMs: 0, tookMs: 0, endedMs: 0, readAtMs: 0, wasQuiet: false };

/**
 * For how long changes that follow a round share the next one, since each round looks at all real servers: as long as the last one took
 * that did not read, so that those take half of the time at most, however many there are. Milliseconds.
 */
export function restMs({ tookMs }: Pace): number {
  return Math.min(LONGEST_REST_MS, Math.max(SHORTEST_REST_MS, tookMs));
}

/**
 * From when on a change no longer waits for the timer that ends that rest: where hundreds of servers fail at once, no timer gets a turn before all of
 * them were heard. Rounds take a small part of that time only: they would keep us from hearing the others.
 */
export function overdueAtMs(pace: Pace): number {
  return pace.endedMs + Math.min(LONGEST_REST_MS, LONG_REST * restMs(pace));
}

// --- internal ---

const SHORTEST_REST_MS = 5;
const LONGEST_REST_MS = 500;
const LONG_REST = 10;
