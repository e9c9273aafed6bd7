import type { Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome } from "../../domain/health.ts";

/** `atMs`: when the check ended, on the clock of the schedule. */
export type Report = (outcome: ProbeOutcome, atMs: number) => void;

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
  /** What it checks this one by: schedules that give equal things check it alike. Absent where that is not known. */
  checksBy?(target: Endpoint): object;
}

/** Who waits for a real server's next good answer. */
export interface AnswerListener {
  /** It takes much longer than usual: after this many milliseconds there is none yet. At most once. */
  missing(afterMs: number): void;
  /** There it is, after it was missing. At most once. */
  came(): void;
}
