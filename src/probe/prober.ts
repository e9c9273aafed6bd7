import type { Endpoint } from "../domain/endpoint.ts";
import type { ProbeOutcome } from "../domain/health.ts";

/** Knows how a real server is checked. */
export interface Prober {
  /**
   * `suspect` is called, between probes, when there is a reason to probe at once: a connection to the server ended.
   * `realServer`: whom it is about, where that is not whom it asks.
   */
  open(target: Endpoint, suspect: () => void, realServer?: Endpoint): Probe;
  /** Somebody else than the real server is asked: what its checks find says nothing of the port that clients use. */
  readonly isBeside?: true;
}

/** The checks of one real server, one at a time; what they share, such as a connection that stays open, lives here. */
export interface Probe {
  /**
   * Checks once, and reports the outcome once, perhaps before this returns: a verdict, or none when this host lacked
   * the means. Must not be called while a check is under way.
   */
  check(tell: (outcome: ProbeOutcome) => void): void;
  /** The kept connection says nothing about new ones: the next check makes a new one. */
  distrust?(): void;
  /**
   * The next check should start within this many milliseconds after the last one ended, or a kept connection may be
   * lost.
   */
  readonly renewWithinMs?: number | undefined;
  /** Ends a check under way without a report, and releases what was kept. Idempotent. */
  close(): void;
}
