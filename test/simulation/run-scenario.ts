import { careMachine } from "../../src/app/care-machine.ts";
import type { StatusRange } from "../../src/config/care-options.ts";
import type { HealthPolicy } from "../../src/domain/health-policy.ts";
import { readScenario } from "../../src/simulation/read-scenario.ts";
import type { Scenario } from "../../src/simulation/scenario.ts";
import { Simulation, type CareMachine } from "../../src/simulation/simulation.ts";
import { Invariants } from "./invariants.ts";
import { withReloads } from "./random-reloads.ts";
import { ReloadInvariants } from "./reload-invariants.ts";
import type { ScenarioDocument } from "./random-scenario.ts";
import { lastDisturbance, settlingTime } from "./settling-time.ts";

/** A daemon that is not what it should be. */
export interface Fault {
  readonly machine?: CareMachine;
  /** What it goes by instead of its options. */
  readonly policy?: Partial<HealthPolicy>;
  /** Breaks something for as long as what it gives is not disposed of. */
  readonly breaks?: () => Disposable;
}

/** What a scenario breaks of the invariants, once it was given the time to settle and three quiet intervals besides. */
export async function violationsOf(document: ScenarioDocument, fault: Fault = {}): Promise<readonly string[]> {
  const { reloads, leavingStatus, fatalStatus, ...file } = document;
  const read = withStatuses(readScenario(toYaml(file)), leavingStatus, fatalStatus);
  const scenario = withQuietEnd(withReloads(read, reloads));
  const { options } = scenario;
  const told = { ...scenario, options: { ...options, policy: { ...options.policy, ...fault.policy } } };
  using _ = fault.breaks?.();
  const simulation = new Simulation(told, fault.machine ?? careMachine);
  const invariants =
    reloads === undefined ? new Invariants(simulation, scenario) : new ReloadInvariants(simulation, scenario);
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

function withStatuses(scenario: Scenario, leaving: number | undefined, fatal: number | undefined): Scenario {
  if (scenario.checks.type === "combination") return scenario;
  const only = (status: number | undefined): readonly StatusRange[] => (status === undefined ? [] : [[status, status]]);
  const probe = { ...scenario.options.probe, drainOn: only(leaving), failAtOnce: only(fatal) };
  return { ...scenario, checks: probe, options: { ...scenario.options, probe } };
}

function withQuietEnd(scenario: Scenario): Scenario {
  const quietMs = 3 * scenario.options.policy.intervalMs;
  return { ...scenario, durationMs: Math.ceil(lastDisturbance(scenario) + settlingTime(scenario) + quietMs) };
}
