import type { SeenRequest } from "./faulty-server.ts";

export interface CheckGaps {
  readonly count: number;
  readonly median: number;
  /** What three quarters of the gaps stay within. */
  readonly upperQuartile: number;
  readonly longest: number;
}

/** From one check to the next as the servers themselves saw them come, as parts of the interval. */
export function checkGaps(requests: Iterable<readonly SeenRequest[]>, intervalMs: number): CheckGaps {
  const gaps: number[] = [];
  for (const seen of requests) {
    const times = seen.filter(({ path }) => path === "/healthz").map(({ atMs }) => atMs);
    gaps.push(...times.slice(1).map((time, index) => (time - (times[index] ?? time)) / intervalMs));
  }
  const sorted = gaps.toSorted((a, b) => a - b);
  const upTo = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
  return { count: sorted.length, median: upTo(0.5), upperQuartile: upTo(0.75), longest: upTo(1) };
}
