import { describeCounts, oneFailure, type Outcome } from "./outcome.ts";
import type { Write } from "./run-bun.ts";

/** Part of a test run; several run side by side. */
export interface Step {
  readonly name: string;
  /** What runs it alone, should it break. */
  readonly command: string;
  /** `processor`: which of this machine's it may keep to, counted from 0. */
  run(write: Write, processor: number): Promise<StepEnd>;
}

export interface StepEnd {
  readonly outcome: Outcome;
  /** What it took of the processors, in seconds. */
  readonly processorS: number;
}

export interface StepResult extends StepEnd {
  readonly name: string;
  readonly startedAtS: number;
  readonly seconds: number;
}

/**
 * Runs one step and prints its output in one piece when it is over, or `live`, as it comes. Whatever it throws is its failure, and others
 * still run.
 */
export async function runStep(step: Step, processor: number, live: boolean): Promise<StepResult> {
  const startMs = performance.now();
  const held: (Uint8Array | string)[] = [];
  const write: Write = live ? (chunk) => void process.stdout.write(chunk) : (chunk) => void held.push(chunk);
  if (live) write(`\n== ${step.name}\n`);
  const { outcome, processorS } = await step.run(write, processor).catch((error: unknown): StepEnd => {
    write(`${error instanceof Error ? error.message : String(error)}\n`);
    return { outcome: oneFailure(step.name, step.command), processorS: 0 };
  });
  const seconds = (performance.now() - startMs) / 1000;
  if (!live) process.stdout.write(`\n== ${step.name}\n`);
  for (const chunk of held) process.stdout.write(chunk);
  process.stdout.write(`-- ${step.name}: ${verdict(outcome)} in ${seconds.toFixed(1)} s\n`);
  return { name: step.name, outcome, processorS, startedAtS: startMs / 1000, seconds };
}

/** Where the time went, a row for each step, and what failed with what runs it alone. */
export function summarise(results: readonly StepResult[], failures: Outcome["failures"]): string {
  const width = Math.max(...results.map(({ name }) => name.length));
  const rows = results.map(({ name, outcome, startedAtS, seconds, processorS }) =>
    [
      verdict(outcome).padEnd(8),
      name.padEnd(width + 2),
      `${startedAtS.toFixed(0)} s`.padStart(6),
      ` + ${seconds.toFixed(1)} s`.padStart(11),
      ` ${processorS.toFixed(1)} s`.padStart(10),
      `   ${describeCounts(outcome)}`,
    ].join(""),
  );
  const failed = failures.flatMap(({ name, command }) => [name, `    ${command}`]);
  return [
    "",
    "== summary: when each began, how long it took, and how much processor time",
    ...rows,
    ...(failed.length > 0 ? ["", "== failed, each with what runs it alone", ...failed] : []),
    "",
  ].join("\n");
}

// --- internal ---

function verdict({ failed }: Outcome): string {
  return failed > 0 ? "FAILED" : "passed";
}
