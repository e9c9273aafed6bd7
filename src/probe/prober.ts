import type { Endpoint } from "../domain/endpoint.ts";
import type { Verdict } from "../domain/health.ts";

/**
 * Checks one real server once. Always resolves to a verdict and never rejects; aborting the signal ends the probe at once and
 * releases its socket (the verdict is then of no interest).
 */
export interface Prober {
  probe(target: Endpoint, signal: AbortSignal): Promise<Verdict>;
}
