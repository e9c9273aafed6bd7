import { describe, expect, test } from "bun:test";
import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import type { Operation } from "../../src/domain/plan.ts";
import { careMachine } from "../../src/app/care-machine.ts";
import type { CareMachine } from "../../src/simulation/simulation.ts";
import { randomScenario } from "./random-scenario.ts";
import { toYaml, violationsOf } from "./run-scenario.ts";
import type { SchedulesResult, SchedulesTask } from "./schedules-worker.ts";

const SCHEDULES = 6000;
const FIXED_SEED = 1;
const FRESH_SEED = randomInt(2 ** 40);
/** To look at one schedule again: its scenario is printed. */
const REPLAY = process.env["LVSCARE_SIMULATION_SEED"];

describe.skipIf(REPLAY !== undefined)("the daemon keeps its promises", () => {
  test.each([
    ["the same", FIXED_SEED],
    ["fresh", FRESH_SEED],
  ])(
    `in ${SCHEDULES} random schedules of faults, %s ones (from seed %d)`,
    async (_, firstSeed) => {
      const broken = await runSchedules(firstSeed);
      for (const [seed, violations] of broken.slice(0, 5)) console.error(explain(seed, violations));
      expect(broken.map(([seed]) => seed)).toEqual([]);
    },
    600_000,
  );

  test.each(Object.entries(brokenMachines()))(
    "and one that %s is found out",
    async (_, machine) => {
      for (let seed = FIXED_SEED; seed < FIXED_SEED + 300; seed++) {
        if ((await violationsOf(randomScenario(seed), machine)).length > 0) return;
      }
      throw new Error("300 schedules have not shown it");
    },
    60_000,
  );
});

if (REPLAY !== undefined) {
  test("the schedule of the seed in LVSCARE_SIMULATION_SEED", async () => {
    const document = randomScenario(Number(REPLAY));
    console.error(toYaml(document));
    expect(await violationsOf(document)).toEqual([]);
  });
}

// --- internal ---

async function runSchedules(firstSeed: number): Promise<SchedulesResult> {
  const threads = availableParallelism();
  const count = Math.ceil(SCHEDULES / threads);
  const parts = Array.from({ length: threads }, (_, index) => runPart({ firstSeed: firstSeed + index * count, count }));
  return (await Promise.all(parts)).flat();
}

async function runPart(task: SchedulesTask): Promise<SchedulesResult> {
  const worker = new Worker(new URL("schedules-worker.ts", import.meta.url));
  const { promise, resolve, reject } = Promise.withResolvers<SchedulesResult>();
  worker.addEventListener("message", ({ data }: MessageEvent<SchedulesResult>) => resolve(data));
  worker.addEventListener("error", ({ message }) => reject(new Error(message)));
  worker.postMessage(task);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

function explain(seed: number, violations: readonly string[]): string {
  const replay = `LVSCARE_SIMULATION_SEED=${seed} bun test test/simulation/random-schedules.test.ts`;
  return `seed ${seed}, to run it again: ${replay}\n${violations.map((line) => `  ${line}`).join("\n")}`;
}

/** A test of the tests: daemons with one fault each. */
function brokenMachines(): Readonly<Record<string, CareMachine>> {
  return {
    "removes who has a weight": withWrites((operations) =>
      operations.map((one) =>
        one.kind === "server.update" && one.server.weight === 0
          ? { kind: "server.remove", endpoint: one.server.endpoint }
          : one,
      ),
    ),
    "removes nobody": withWrites((operations) => operations.filter(({ kind }) => kind !== "server.remove")),
    "never brings anybody back": withWrites((operations) => operations.filter(({ kind }) => kind !== "server.add")),
  };
}

function withWrites(change: (operations: readonly Operation[]) => readonly Operation[]): CareMachine {
  return (dataPlane, schedule, observe) => {
    const broken: DataPlane = {
      kind: dataPlane.kind,
      via: dataPlane.via,
      preflight: (service) => dataPlane.preflight(service),
      read: (key) => dataPlane.read(key),
      readAll: () => dataPlane.readAll(),
      apply: (key, operations) => dataPlane.apply(key, change(operations)),
      close: () => dataPlane.close(),
    };
    return careMachine(broken, schedule, observe);
  };
}
