import type { Endpoint } from "../domain/endpoint.ts";
import type { ProbeOutcome } from "../domain/health.ts";

export type Report = (outcome: ProbeOutcome) => void;

/** The repeated checking of one real server. */
export interface Check {
  /**
   * The longest time from the start of one probe to the start of the next, in milliseconds; counts from the last
   * start.
   */
  setInterval(intervalMs: number): void;
  /** Starts a probe as soon as there is room for it, but not while one is under way. */
  probeNow(): void;
  /** Aborts a probe under way and reports nothing any more. Idempotent. */
  stop(): void;
}

/** Decides when each real server is probed. */
export interface CheckSchedule {
  /** The first probe starts in the next turn of the event loop, or as soon as those before it let it. */
  add(target: Endpoint, intervalMs: number, report: Report): Check;
}
