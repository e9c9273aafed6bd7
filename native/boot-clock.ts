import { libc } from "./libc.ts";

/** linux/time.h */
const CLOCK_BOOTTIME = 7;

/**
 * Milliseconds since this host booted, the time that it slept included: a clock that nobody can set and that no suspend stops, so that
 * waking up shows as time gone by.
 */
export function bootClock(): () => number {
  // struct timespec: seconds, nanoseconds
  const time = new BigInt64Array(new ArrayBuffer(16));
  const { clock_gettime } = libc();
  return () => {
    clock_gettime(CLOCK_BOOTTIME, time);
    const [seconds = 0n, nanoseconds = 0n] = time;
    return Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
  };
}
