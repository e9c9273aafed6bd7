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
   * Checks once. Never rejects: it resolves to a verdict, or to none when this host lacked the means; aborting the signal ends it at once
   * and releases its socket (the verdict is then of no interest).
   */
  run(signal: AbortSignal): Promise<ProbeOutcome>;
  /** The next check should start within so many milliseconds of the end of the last one, lest a kept connection be lost. */
  readonly renewWithinMs?: number | undefined;
  /** Releases what was kept. Idempotent. */
  close(): void;
}
