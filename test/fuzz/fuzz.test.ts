import { expect, test } from "bun:test";
import { randomInt } from "node:crypto";
import { runTarget } from "./run-target.ts";
import { FUZZ_TARGETS } from "./targets.ts";

const REPLAY = process.env["LVSCARE_FUZZ_SEED"];
const INPUTS = REPLAY === undefined ? 10_000 : 1;
const SEEDS = REPLAY === undefined ? [1, randomInt(2 ** 40)] : [Number(REPLAY)];

test.each(FUZZ_TARGETS.flatMap((target) => SEEDS.map((seed) => [target.name, seed, target] as const)))(
  `${INPUTS} inputs do not break %s (from seed %d)`,
  async (_, seed, target) => {
    const before = performance.now();
    await runTarget(target, seed, INPUTS);
    expect(performance.now()).toBeGreaterThan(before);
  },
  300_000,
);
