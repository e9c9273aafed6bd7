import { EVERYTHING, randomScenario } from "./random-scenario.ts";
import { violationsOf } from "./run-scenario.ts";

declare const self: Worker;

/** A part of the schedules, in a thread of its own: `violations` by seed, of those that have any. */
export interface SchedulesTask {
  readonly firstSeed: number;
  readonly count: number;
}

export type SchedulesResult = readonly (readonly [seed: number, violations: readonly string[]])[];

self.addEventListener("message", ({ data }: MessageEvent<SchedulesTask>) => void work(data));

async function work({ firstSeed, count }: SchedulesTask): Promise<void> {
  const broken: [number, readonly string[]][] = [];
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const violations = await violationsOf(randomScenario(seed, EVERYTHING));
    if (violations.length > 0) broken.push([seed, violations]);
  }
  self.postMessage(broken satisfies SchedulesResult);
}
