import type { ProbeOutcome } from "../domain/health.ts";
import type { Probe } from "./prober.ts";

/** The same probe, of whose outcomes something else is told. */
export function mapOutcomes(probe: Probe, map: (outcome: ProbeOutcome) => ProbeOutcome): Probe {
  return {
    check: (tell) => probe.check((outcome) => tell(map(outcome))),
    distrust: () => probe.distrust?.(),
    get renewWithinMs() {
      return probe.renewWithinMs;
    },
    close: () => probe.close(),
  };
}
