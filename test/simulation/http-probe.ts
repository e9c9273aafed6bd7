import type { HttpProbeOptions } from "../../src/config/care-options.ts";
import type { Scenario } from "../../src/simulation/scenario.ts";

/** What random schedules are about. */
export function httpProbeOf({ options: { probe } }: Pick<Scenario, "options">): HttpProbeOptions {
  if (probe.type !== "http") throw new Error(`a probe of type ${probe.type}`);
  return probe;
}
