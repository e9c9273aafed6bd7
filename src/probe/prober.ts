import type { Endpoint } from "../domain/endpoint.ts";
import type { ProbeOutcome } from "../domain/health.ts";

/**
 * Checks one real server once. Never rejects: it resolves to a verdict, or to none when this host lacked the means; aborting the signal ends the probe at once and
 * releases its socket (the verdict is then of no interest).
 */
export interface Prober {
  probe(target: Endpoint, signal: AbortSignal): Promise<ProbeOutcome>;
}
