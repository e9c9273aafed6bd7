import { expect, test } from "bun:test";
import { randomInt } from "node:crypto";
import { runTarget } from "./run-target.ts";
import { FUZZ_TARGETS } from "./targets.ts";

const REPLAY = process.env["LVSCARE_FUZZ_SEED"];
/** Of each seed, in each run: to look for more is done on purpose. */
const INPUTS = REPLAY === undefined ? Number(process.env["LVSCARE_FUZZ_INPUTS"] ?? 3000) : 1;
const SEEDS = REPLAY === undefined ? [1, randomInt(2 ** 40)] : [Number(REPLAY)];

const RUNS = FUZZ_TARGETS.flatMap((target) => {
  const inputs = target.isSlow === true ? Math.ceil(INPUTS / 10) : INPUTS;
  return SEEDS.map((seed) => [inputs, target.name, seed, target] as const);
});

test.each(RUNS)(
  "%d inputs do not break %s (from seed %d)",
  async (inputs, _, seed, target) => {
    const before = performance.now();
    await runTarget(target, seed, inputs);
    expect(performance.now()).toBeGreaterThan(before);
  },
  300_000,
);
