import { libc } from "./libc.ts";

/** Of `struct tm` (time.h): the same size and place on every machine with 64-bit longs, in glibc and in musl. */
const TM_BYTES = 56;
const TM_GMTOFF = 40;

/** Seconds that the local time of this host is ahead of UTC at a moment, the time of day in milliseconds. */
export function localOffsetS(atMs: number): number {
  const seconds = new BigInt64Array(new ArrayBuffer(8)).fill(BigInt(Math.floor(atMs / 1000)));
  const tm = new Uint8Array(new ArrayBuffer(TM_BYTES));
  if (libc().localtime_r(seconds, tm) === null) return 0;
  return Number(new DataView(tm.buffer).getBigInt64(TM_GMTOFF, true));
}
