import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { LABS, labNamed } from "../test/kernel/harness/labs.ts";
import { setUp } from "./setup.ts";
import { bunTestArguments, readOutcome, reportPath } from "./test/bun-test.ts";
import type { KernelJob, KernelPlan } from "./test/kernel-plan.ts";
import { fetchPackages, kernelStep, makeProducts, patternOf, planKernel } from "./test/kernel-run.ts";
import { describeCounts, sum } from "./test/outcome.ts";
import { type Queued, runQueue } from "./test/queue.ts";
import { roomForSteps, takenByGuest } from "./test/room.ts";
import { runBun } from "./test/run-bun.ts";
import { type Selection, selectionFrom } from "./test/selection.ts";
import { runStaticStep, staticSteps } from "./test/static-steps.ts";
import { runStep, type Step, type StepResult, summarise } from "./test/step.ts";

type UnitPart = "with daemons" | "of packages" | "the others";

/** What each takes, as far as the order of all steps depends on it. */
const UNIT_COSTS: Readonly<Record<UnitPart, { readonly seconds: number; readonly processors: number }>> = {
  "with daemons": { seconds: 400, processors: 0.35 },
  "the others": { seconds: 250, processors: 0.55 },
  "of packages": { seconds: 120, processors: 0.6 },
};

const usage = `bun run test                          everything: static checks, unit tests, kernel and node tests
bun run test [unit|kernel|node] [files…]   only those; "unit" with the static checks, "node" on a switch of several kernels
bun run test cluster [files…]         nodes beside a real etcd and real API servers, which are built with Go once; where they are, a minute of it is part of everything
bun run test arm64 [files…]           kernel tests of the released arm64 binary, in an emulated arm64 machine; not part of everything

  --in <lab>                    where the kernel tests run; by default each file in the fastest that has what it needs
  -t <pattern>                  only tests with such names, a regular expression
  LVSCARE_KERNEL_GUESTS=<n>     how many guests of user-mode Linux run side by side

labs
${[...LABS].map(([name, { about }]) => `  ${name.padEnd(30)}${about}\n`).join("")}`;

const argv = process.argv.slice(2);
if (argv.includes("--help") || argv.includes("-h")) process.stdout.write(usage);
else {
  process.exitCode = await main().catch((error: unknown) => {
    process.stderr.write(`test: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  });
}

async function main(): Promise<number> {
  const selection = await selectionFrom(argv);
  const plan = selection.kernelFiles ? await planKernel(selection) : { jobs: [], leftOut: [] };
  // Both are fetched on a machine that has nothing yet.
  await Promise.all([setUp(), fetchPackages(plan)]);
  const reports = await mkdtemp(join(tmpdir(), "lvscare-tests-"));
  try {
    const results = await runSteps(selection, plan, reports);
    const total = sum(results.map(({ outcome }) => outcome));
    const processorS = results.reduce((all, step) => all + step.processorS, 0);
    process.stdout.write(
      summarise(
        results.toSorted((a, b) => a.startedAtS - b.startedAtS),
        total.failures,
      ),
    );
    process.stdout.write(
      `in ${(performance.now() / 1000).toFixed(1)} s, ${processorS.toFixed(0)} s of processor time\n`,
    );
    process.stdout.write(`${describeCounts(total)}\n`);
    return total.failed > 0 ? 1 : 0;
  } finally {
    await rm(reports, { recursive: true, force: true });
  }
}

// --- internal ---

async function runSteps(selection: Selection, plan: KernelPlan, reports: string): Promise<StepResult[]> {
  const queue = queueOf(selection, plan, reports);
  const atOnce = selection.staticSteps ? stepsOfChecks() : [];
  const isOne = queue.length + atOnce.length === 1;
  const run = (step: Step, processor: number): Promise<StepResult> => runStep(step, processor, isOne);
  const [checked, tested] = await Promise.all([
    Promise.all(atOnce.map((step) => run(step, 0))),
    runQueue(queue, { processors: availableParallelism(), room: roomForSteps() }, run),
  ]);
  return [...checked, ...tested];
}

function stepsOfChecks(): Step[] {
  return staticSteps.map(({ name, argv: own }) => ({
    name,
    command: `bun --bun run ${own.join(" ")}`,
    run: (write: Parameters<Step["run"]>[0]) => runStaticStep(name, own, write),
  }));
}

/**
 * Unit tests take the longest, and wait much of the time, so that they begin first and kernel guests fill their waits. What is short and waits,
 * too, such as tests on this machine's own kernel, comes towards the end.
 */
function queueOf(selection: Selection, { jobs, leftOut }: KernelPlan, reports: string): Queued[] {
  const { unitFiles, kernelFiles, nodeFiles, clusterFiles, pattern } = selection;
  if (selection.isWhole && clusterFiles === undefined)
    process.stdout.write("left out test/cluster: its programs are not built here, which `bun run test cluster` does\n");
  for (const line of leftOut) process.stdout.write(`left out ${line}\n`);
  const needsBinary = kernelFiles ?? nodeFiles ?? clusterFiles ?? unitFiles?.find(startsDaemons);
  const products = needsBinary === undefined ? undefined : makeProducts(jobs);
  // One for another kind of machine cannot start here.
  const isForeign = jobs.some(({ lab }) => labNamed(lab).architecture !== undefined);
  const host = (kind: "node" | "cluster", files: readonly string[] | undefined, seconds: number): Queued[] => {
    if (files === undefined) return [];
    const step = hostStep(kind, files, reports, pattern, products?.binary);
    return [{ step, seconds, takes: { processors: 0.6, memoryMb: 2048 } }];
  };
  return [
    ...(unitFiles ? unitSteps(unitFiles, reports, pattern, isForeign ? undefined : products?.binary) : []),
    ...jobs.map((job) => ({
      step: kernelStep(job, products, reports, pattern),
      seconds: lateSeconds(job),
      takes: takenByGuest(job),
    })),
    ...host("node", nodeFiles, 20),
    ...host("cluster", clusterFiles, 35),
  ];
}

/**
 * For the order. What is emulated gets slowest where much runs beside it, so it comes late; the short ones are left to run beside it, and to end
 * with.
 */
function lateSeconds({ lab, seconds }: KernelJob): number {
  return lab.startsWith("qemu") ? Math.min(seconds, 40) : seconds;
}

/**
 * Unit tests side by side: those that start daemons see all daemons of this user, so they are one after the other; the others fill the time in
 * which these wait.
 */
function unitSteps(
  files: readonly string[],
  reports: string,
  pattern: string | undefined,
  binary: Promise<string> | undefined,
): Queued[] {
  const parts = [...Map.groupBy(files, unitPartOf)];
  return parts.map(([name, part], index) => {
    const own = name === "with daemons" ? binary : undefined;
    const step = hostStep("unit", part, reports, pattern, own, `unit-${index}`);
    const { seconds, processors } = UNIT_COSTS[name];
    return { step: parts.length < 2 ? step : { ...step, name: `unit tests, ${name}` }, seconds, takes: { processors } };
  });
}

/**
 * Those of packages build all that they start, and keep it apart; those of the page start a browser and no daemon. What the pages of the manual
 * show is run by the binary, which the others have to do without.
 */
function unitPartOf(file: string): UnitPart {
  if (file.startsWith("test/package/")) return "of packages";
  return /^test\/(app\/|cli\/|control\/|metrics\/|tasks\/|readme-examples)/.test(file) &&
    !file.startsWith("test/control/page")
    ? "with daemons"
    : "the others";
}

function startsDaemons(file: string): boolean {
  return unitPartOf(file) === "with daemons";
}

/** Tests that run on this machine itself, once there is the binary, if they are to start that. */
function hostStep(
  kind: "unit" | "node" | "cluster",
  files: readonly string[],
  reports: string,
  pattern: string | undefined,
  binary?: Promise<string>,
  reportName: string = kind,
): Step {
  const commandFor = (file: string, test?: string): string =>
    `bun run test ${kind} ${file}${test === undefined ? "" : ` -t ${patternOf(test)}`}`;
  return {
    name: `${kind} tests`,
    command: `bun run test ${kind}`,
    async run(write) {
      if (files.length === 0) throw new Error(`there are no ${kind} tests`);
      const built = await binary;
      const report = reportPath(reports, reportName);
      const env = built === undefined ? {} : { LVSCARE_BINARY: built };
      const { exitCode, processorS } = await runBun(bunTestArguments(files, report, pattern), 40 * 60_000, write, env);
      const outcome = await readOutcome(files, report, exitCode, pattern !== undefined, commandFor);
      return { outcome, processorS };
    },
  };
}
