import { libc } from "./libc.ts";

/** linux/time.h */
const CLOCK_BOOTTIME = 7;

/**
 * Milliseconds since this host booted, the time that it slept included: a clock that nobody can set and that no suspend stops, so that
 * waking up shows as time gone by.
 */
export function bootClock(): () => number {
  // struct timespec: seconds and nanoseconds, of 64 bits each; in halves, because reading them whole would make a BigInt each time.
  const time = new Uint32Array(new ArrayBuffer(16));
  const { clock_gettime } = libc();
  return () => {
    clock_gettime(CLOCK_BOOTTIME, time);
    return ((time[1] ?? 0) * 2 ** 32 + (time[0] ?? 0)) * 1000 + (time[2] ?? 0) / 1e6;
  };
}
