import { randomInt } from "node:crypto";
import { runTarget } from "../test/fuzz/run-target.ts";
import { FUZZ_TARGETS } from "../test/fuzz/targets.ts";
import { report, type Measure } from "./support/measures.ts";
import { SETTINGS } from "./support/settings.ts";

// A million inputs for each reader of what others wrote, a tenth for a slow one.

const most = SETTINGS.isQuick ? 100_000 : 1_000_000;
const firstSeed = randomInt(2 ** 40);
const measures: Measure[] = [];
for (const target of FUZZ_TARGETS) {
  if (!target.name.includes(SETTINGS.only ?? "")) continue;
  const inputs = target.isSlow === true ? most / 10 : most;
  const startedMs = performance.now();
  // Ends this process at the first that breaks it, with how to run that one again.
  await runTarget(target, firstSeed, inputs);
  const seconds = (performance.now() - startedMs) / 1000;
  console.error(`${target.name}: ${inputs} inputs from seed ${firstSeed} in ${seconds.toFixed(1)} s, none broke it`);
  measures.push({
    what: `${target.name}, inputs that it survived`,
    unit: "1/s",
    ours: inputs / seconds,
    goal: `${inputs} of ${inputs}`,
    isMet: true,
  });
}
report(measures);
