import type { Step, StepResult } from "./step.ts";

/** What a step takes while it runs, and what there is of it: so many of each kind. */
export type Resources = Readonly<Partial<Record<"processors" | "memoryMb" | "guests", number>>>;

export interface Queued {
  readonly step: Step;
  /** What it may take, for the order. */
  readonly seconds: number;
  readonly takes: Resources;
}

/**
 * Runs steps side by side, as many as there is room for, the longest first, so that the run ends with short ones. One that has no room yet is
 * not overtaken: the short ones would keep it waiting until it runs alone, at the end. With nothing beside it, each has room. `run` is told
 * which processor has the fewest steps that were told of it.
 */
export async function runQueue(
  steps: readonly Queued[],
  { processors, room }: { processors: number; room: Resources },
  run: (step: Step, processor: number) => Promise<StepResult>,
): Promise<StepResult[]> {
  const waiting = steps.toSorted((a, b) => b.seconds - a.seconds);
  const running = new Map<Queued, { processor: number; result: Promise<Queued> }>();
  const results: StepResult[] = [];
  const start = (one: Queued): void => {
    const processor = leastUsed(
      processors,
      Array.from(running.values(), (other) => other.processor),
    );
    const result = run(one.step, processor).then((ended) => {
      results.push(ended);
      return one;
    });
    running.set(one, { processor, result });
  };
  for (;;) {
    for (let next = waiting[0]; next !== undefined && fits(next, [...running.keys()], room); next = waiting[0]) {
      waiting.shift();
      start(next);
    }
    if (running.size === 0) return results;
    running.delete(await Promise.race(Array.from(running.values(), ({ result }) => result)));
  }
}

// --- internal ---

function fits(one: Queued, beside: readonly Queued[], room: Resources): boolean {
  if (beside.length === 0) return true;
  return (["processors", "memoryMb", "guests"] as const).every((kind) => {
    const taken = [one, ...beside].reduce((total, { takes }) => total + (takes[kind] ?? 0), 0);
    return taken <= (room[kind] ?? Number.POSITIVE_INFINITY);
  });
}

function leastUsed(processors: number, used: readonly number[]): number {
  const counts = Array.from({ length: processors }, (_, processor) => used.filter((one) => one === processor).length);
  return counts.indexOf(Math.min(...counts));
}
