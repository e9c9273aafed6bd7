/** Counts observations into buckets, as Prometheus has them: each bucket holds all that is no more than its bound. */
export class Histogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;
  count = 0;

  /** Ascending; what is beyond the last one counts in `count` only. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.sum += value;
    this.count++;
    let first = 0;
    while (value > (this.bounds[first] ?? Number.POSITIVE_INFINITY)) first++;
    if (first < this.counts.length) this.counts[first] = (this.counts[first] ?? 0) + 1;
  }

  /** Of each bound, how many were no more than it. */
  cumulative(): readonly (readonly [bound: number, count: number])[] {
    let total = 0;
    return this.bounds.map((bound, index) => [bound, (total += this.counts[index] ?? 0)] as const);
  }
}
