import { careMachine } from "../../src/app/care-machine.ts";
import { readScenario } from "../../src/simulation/read-scenario.ts";
import type { Scenario } from "../../src/simulation/scenario.ts";
import { Simulation, type CareMachine } from "../../src/simulation/simulation.ts";
import { Invariants } from "./invariants.ts";
import type { ScenarioDocument } from "./random-scenario.ts";
import { lastDisturbance, settlingTime } from "./settling-time.ts";

/** What a scenario breaks of the invariants, once it was given the time to settle and three quiet intervals besides. */
export async function violationsOf(
  document: ScenarioDocument,
  machine: CareMachine = careMachine,
): Promise<readonly string[]> {
  const scenario = withQuietEnd(readScenario(toYaml(document)));
  const simulation = new Simulation(scenario, machine);
  const invariants = new Invariants(simulation);
  try {
    await simulation.run();
  } catch (error) {
    return [...invariants.violations, `the daemon broke: ${String(error)}`];
  }
  return invariants.violations;
}

export function toYaml(document: ScenarioDocument): string {
  return Bun.YAML.stringify(document, undefined, 2);
}

// --- internal ---

function withQuietEnd(scenario: Scenario): Scenario {
  const quietMs = 3 * scenario.options.policy.intervalMs;
  return { ...scenario, durationMs: Math.ceil(lastDisturbance(scenario) + settlingTime(scenario) + quietMs) };
}
