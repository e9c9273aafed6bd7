import { libc } from "./libc.ts";

/** linux/time.h */
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;

/**
 * Milliseconds since this host booted, including the time that it slept. This clock cannot be set and does not stop
 * during a suspend, so waking up shows as elapsed time.
 */
export function bootClock(): () => number {
  return clock(CLOCK_BOOTTIME);
}

/** Whole microseconds of CLOCK_MONOTONIC, which does not count the time that the host slept. */
export function monotonicUs(): number {
  return Math.floor(clock(CLOCK_MONOTONIC)() * 1000);
}

// --- internal ---

function clock(id: number): () => number {
  // struct timespec: seconds and nanoseconds, 64 bits each. Read in halves, because reading them whole would make a
  // BigInt each time.
  const time = new Uint32Array(new ArrayBuffer(16));
  const { clock_gettime } = libc();
  return () => {
    clock_gettime(id, time);
    return ((time[1] ?? 0) * 2 ** 32 + (time[0] ?? 0)) * 1000 + (time[2] ?? 0) / 1e6;
  };
}
