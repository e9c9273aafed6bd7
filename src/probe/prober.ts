import type { Endpoint } from "../domain/endpoint.ts";
import type { ProbeOutcome } from "../domain/health.ts";

/** Knows how a real server is checked. */
export interface Prober {
  /** `suspect` is called, between probes, when there is reason to probe at once: a connection to the server ended. */
  open(target: Endpoint, suspect: () => void): Probe;
}

/** The checks of one real server, one at a time; what they share, such as a connection that stays open, lives here. */
export interface Probe {
  /**
   * Checks once, and tells the outcome once, perhaps before this returns: a verdict, or none when this host lacked the means. Not to be
   * called while a check is under way.
   */
  check(tell: (outcome: ProbeOutcome) => void): void;
  /** What it keeps says nothing about new connections: the next check makes one. */
  distrust?(): void;
  /** The next check should start within so many milliseconds of the end of the last one, lest a kept connection be lost. */
  readonly renewWithinMs?: number | undefined;
  /** Ends a check under way, of which nothing is told any more, and releases what was kept. Idempotent. */
  close(): void;
}
