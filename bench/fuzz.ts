import { randomInt } from "node:crypto";
import { runTarget } from "../test/fuzz/run-target.ts";
import { FUZZ_TARGETS } from "../test/fuzz/targets.ts";

// A million inputs for each reader of what others wrote: bun bench/fuzz.ts [inputs]

const inputs = Number(process.argv[2] ?? 1_000_000);
const firstSeed = randomInt(2 ** 40);
for (const target of FUZZ_TARGETS) {
  const startedMs = performance.now();
  await runTarget(target, firstSeed, inputs);
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(
    `${target.name}: ${inputs} inputs from seed ${firstSeed} in ${seconds.toFixed(1)} s, ${Math.round(inputs / seconds)}/s, none broke it`,
  );
}
