import { Dice, type FuzzTarget } from "./targets.ts";

/** So many inputs from this seed on; throws at the first that breaks the target, and says how to run it again. */
export async function runTarget(target: FuzzTarget, firstSeed: number, inputs: number): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + inputs; seed++) {
    try {
      const running = target.run(new Dice(seed));
      if (running !== undefined) await running;
    } catch (error) {
      const again = `LVSCARE_FUZZ_SEED=${seed} bun test test/fuzz`;
      throw new Error(`${target.name} breaks with seed ${seed}; to run it again: ${again}`, { cause: error });
    }
  }
}
