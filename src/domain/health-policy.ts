/** How verdicts become states, and states weights. Times in milliseconds. */
export interface HealthPolicy {
  /** Failed checks in a row that take a healthy real server out. */
  readonly fall: number;
  /** Good checks in a row that bring one back. */
  readonly rise: number;
  /** From the start of one check to the start of the next, and between two reads of the table. */
  readonly intervalMs: number;
  /** The same while a verdict is in doubt: after a first failure, or a first success, that does not count yet. */
  readonly fastIntervalMs: number;
  /** The same while a real server is removed. */
  readonly downIntervalMs: number;
  /**
   * When a draining real server is removed: at the next failed check, as in Go LVScare, or at the first failed check
   * without open connections. A server that cannot be reached at all is not waited for: it has no connections to end.
   */
  readonly drain: "next-check" | "connections";
  /** The longest that open connections are waited for. */
  readonly drainTimeoutMs: number;
  /** The time in which a real server that comes back climbs to its weight; 0 gives it the weight at once. */
  readonly slowStartMs: number;
  /**
   * Fail-open: with less than this percentage of real servers healthy, health is ignored rather than traffic refused.
   * 0: never.
   */
  readonly panicThreshold: number;
  /**
   * If no real server is healthy, those that served before and still accept connections stay in service, or come
   * back.
   */
  readonly lastResort: boolean;
}

/** What Go LVScare does, but that the last ones are not thrown away. */
export const PLAIN_HEALTH_POLICY: HealthPolicy = {
  fall: 1,
  rise: 1,
  intervalMs: 5000,
  fastIntervalMs: 5000,
  downIntervalMs: 5000,
  drain: "next-check",
  drainTimeoutMs: 60_000,
  slowStartMs: 0,
  panicThreshold: 0,
  lastResort: true,
};
