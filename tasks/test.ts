import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setUp } from "./setup.ts";
import { bunTestArguments, countTests, reportPath } from "./test/bun-test.ts";
import { runArm64Tests } from "./test/arm64-run.ts";
import { type Counts, describeCounts, sum } from "./test/counts.ts";
import { startKernelTests } from "./test/kernel-run.ts";
import { runBun } from "./test/run-bun.ts";
import { type Selection, selectionFrom } from "./test/selection.ts";
import { runStaticStep, staticSteps } from "./test/static-steps.ts";
import { runStep, type StepResult, summarise } from "./test/step.ts";

const usage = `bun run test                          everything: static checks, unit tests, kernel tests, arm64 tests
bun run test [unit|kernel] [files…]   only those
bun run test arm64 [files…]           kernel tests of the arm64 binary, in an emulated arm64 machine

  LVSCARE_KERNEL=vm|host        where the kernel tests run; by default on this machine's kernel if it will do
  LVSCARE_KERNEL_SHARDS=<n>     how many VMs share them
`;

const argv = process.argv.slice(2);
if (argv.includes("--help") || argv.includes("-h")) process.stdout.write(usage);
else {
  process.exitCode = await main().catch((error: unknown) => {
    process.stderr.write(`test: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  });
}

async function main(): Promise<number> {
  const start = performance.now();
  const selection = await selectionFrom(argv);
  await setUp();
  const reports = await mkdtemp(join(tmpdir(), "lvscare-tests-"));
  try {
    const results = await runSteps(selection, reports);
    const total = sum(results.map(({ counts }) => counts));
    process.stdout.write(summarise(results));
    process.stdout.write(`in ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
    process.stdout.write(`${describeCounts(total)}\n`);
    return total.failed > 0 ? 1 : 0;
  } finally {
    await rm(reports, { recursive: true, force: true });
  }
}

async function runSteps(selection: Selection, reports: string): Promise<StepResult[]> {
  const { unitFiles, kernelFiles, arm64Files } = selection;
  const results: StepResult[] = [];
  // The VMs boot beside the other steps where there are processors for both.
  const inBackground = availableParallelism() >= 4;
  const background = kernelFiles && inBackground && startKernelTests(kernelFiles, reports);
  // Its failure is that step's, later.
  if (background) background.catch(() => {});
  if (selection.staticSteps) {
    for (const { name, argv: step } of staticSteps) {
      results.push(await runStep(name, () => runStaticStep(step)));
    }
  }
  if (unitFiles) results.push(await runStep("unit tests", () => runUnitTests(unitFiles, reports)));
  if (kernelFiles) {
    const finish = async (): Promise<Counts> => (await (background || startKernelTests(kernelFiles, reports)))();
    results.push(await runStep("kernel tests", finish));
  }
  if (arm64Files) {
    const optional = selection.staticSteps;
    results.push(await runStep("arm64 tests", () => runArm64Tests(arm64Files, reports, { optional })));
  }
  return results;
}

async function runUnitTests(files: readonly string[], reports: string): Promise<Counts> {
  if (files.length === 0) throw new Error("there are no unit tests");
  const report = reportPath(reports, "unit");
  const exitCode = await runBun(bunTestArguments(files, report), 10 * 60_000);
  return countTests(files, report, exitCode);
}
