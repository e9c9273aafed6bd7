import type { GivenOptions } from "../config/option-row.ts";
import { LvscareError } from "../domain/errors.ts";
import type { SimulationReport } from "../domain/simulation-report.ts";
import { LONGEST_SCENARIO, readScenario } from "../simulation/read-scenario.ts";
import { simulate } from "../simulation/report.ts";
import { careMachine } from "./care-machine.ts";
import { createEventLog } from "../events/event-log.ts";

/** Simulates what a scenario file says; `overrides` win over its care options. */
export async function simulateFile(path: string, overrides: GivenOptions): Promise<SimulationReport> {
  return simulate(readScenario(await readText(path), overrides), {
    careMachine,
    eventLog: (logger) => createEventLog(logger, () => "in this scenario it is the others"),
  });
}

// --- internal ---

async function readText(path: string): Promise<string> {
  const file = Bun.file(path);
  try {
    if (file.size > 4 * LONGEST_SCENARIO && Number.isFinite(file.size))
      throw new Error("it is too long for a scenario");
    return await file.text();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new LvscareError("USAGE", message, { operation: `read ${path}`, cause: error });
  }
}
