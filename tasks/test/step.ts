import { type Counts, describeCounts } from "./counts.ts";

export type StepResult = { name: string; counts: Counts; seconds: number };

/** Runs one step under a header; whatever it throws is its failure, and the steps after it still run. */
export async function runStep(name: string, body: () => Promise<Counts>): Promise<StepResult> {
  process.stdout.write(`\n== ${name}\n`);
  const start = performance.now();
  const counts = await body().catch((error: unknown) => {
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  });
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(`-- ${name}: ${outcome(counts)} in ${seconds.toFixed(1)} s\n`);
  return { name, counts, seconds };
}

export function summarise(results: readonly StepResult[]): string {
  const rows = results.map(({ name, counts, seconds }) =>
    [
      outcome(counts).padEnd(8),
      name.padEnd(14),
      `${seconds.toFixed(1)} s`.padStart(8),
      `  ${describeCounts(counts)}`,
    ].join(""),
  );
  return `\n== summary\n${rows.join("\n")}\n`;
}

function outcome({ failed }: Counts): string {
  return failed > 0 ? "FAILED" : "passed";
}
