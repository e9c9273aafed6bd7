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

/**
 * The same probe, whose failures tell nothing of the real server's own port: whether that takes connections, `own` finds
 * out then.
 */
export function besideOwn(probe: Probe, own: Probe): Probe {
  return {
    check: (tell) =>
      probe.check((outcome) => {
        if (outcome.passed !== false || outcome.leaving === true) return tell(outcome);
        const { unreachable: _, ...failure } = outcome;
        own.check((found) => {
          const isUnreachable = found.passed === false && found.unreachable === true;
          tell(isUnreachable ? { ...failure, unreachable: true } : failure);
        });
      }),
    distrust: () => probe.distrust?.(),
    get renewWithinMs() {
      return probe.renewWithinMs;
    },
    close: () => {
      probe.close();
      own.close();
    },
  };
}
