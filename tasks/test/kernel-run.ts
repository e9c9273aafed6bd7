import { availableParallelism } from "node:os";
import type { GuestOptions } from "../../test/kernel/harness/guest.ts";
import { hostKernelWillDo } from "../../test/kernel/harness/host-kernel.ts";
import { labNamed, runInLab } from "../../test/kernel/harness/labs.ts";
import { BROWSER, installMissingPackages } from "../../test/kernel/harness/packages.ts";
import { buildBinary, buildBinaryFor } from "../build.ts";
import { bunTestArguments, readOutcome, reportPath } from "./bun-test.ts";
import { checkout } from "./checkout.ts";
import { layOutDeliveries } from "./deliveries.ts";
import { type KernelJob, type KernelPlan, planKernelJobs } from "./kernel-plan.ts";
import type { Write } from "./run-bun.ts";
import type { Selection } from "./selection.ts";
import type { Step } from "./step.ts";

/** What the tests run is what users run; a stale one would test yesterday's code. */
export interface Products {
  readonly binary: Promise<string>;
  readonly deliveries: Promise<void>;
}

export function makeProducts(jobs: readonly KernelJob[]): Products {
  const architecture = jobs.map(({ lab }) => labNamed(lab).architecture).find((one) => one !== undefined);
  const binary = architecture === undefined ? buildBinary() : buildBinaryFor(`linux-${architecture}`);
  const deliveries = jobs.some((job) => job.deliveries)
    ? binary.then((built) => layOutDeliveries(built, architecture))
    : Promise.resolve();
  // Awaited by the steps that need them, and later: a failure must not count as unhandled meanwhile.
  for (const one of [binary, deliveries]) one.catch(() => {});
  return { binary, deliveries };
}

export async function planKernel(selection: Selection): Promise<KernelPlan> {
  const { kernelFiles = [], lab, isWhole } = selection;
  if (kernelFiles.length === 0) throw new Error("there are no kernel tests");
  const own = lab ?? ((await hostKernelWillDo()) ? "host" : undefined);
  // Two at least where they are emulated: a guest with one hides races. In the whole run, they are asked what their kernels say; two would take twice the time.
  const processors = isWhole ? 1 : Math.min(4, Math.max(2, availableParallelism()));
  return planKernelJobs(kernelFiles, {
    ...(own === undefined ? {} : { lab: own }),
    everyVersion: isWhole,
    processors,
    guests: isWhole ? emulatedGuests() : 1,
  });
}

/** What these guests take of this machine's packages. Where they cannot be had, each guest says so that needs them. */
export async function fetchPackages({ jobs }: KernelPlan): Promise<void> {
  const wanted = new Set(
    jobs.flatMap(({ lab, browser }) => [...(labNamed(lab).packages ?? []), ...(browser ? [BROWSER] : [])]),
  );
  await installMissingPackages([...wanted]).catch(() => {});
}

export function kernelStep(
  job: KernelJob,
  products: Products | undefined,
  reports: string,
  pattern: string | undefined,
): Step {
  const [first = "", ...others] = job.files;
  const name = `${job.lab}: ${others.length === 0 ? first : `${first} and ${others.length} more`}`;
  const commandFor = (file: string, test?: string): string =>
    [`bun run test kernel --in ${job.lab} ${file}`, ...(test === undefined ? [] : ["-t", patternOf(test)])].join(" ");
  return {
    name,
    command: commandFor(job.files.join(" ")),
    async run(write, processor) {
      const report = reportPath(reports, `kernel-${name.replaceAll(/\W+/g, "-")}`);
      const { exitCode, processorS } = await runInLab(job.lab, {
        ...guestOptions(job, report, reports, pattern, write, processor),
        ...(products === undefined ? {} : { ready: job.deliveries ? products.deliveries : products.binary }),
      });
      const outcome = await readOutcome(job.files, report, exitCode, pattern !== undefined, commandFor);
      return { outcome, processorS };
    },
  };
}

/** What `-t` takes for just this test, as a word of a POSIX shell. */
export function patternOf(test: string): string {
  return `'${test.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("'", `'\\''`)}'`;
}

// --- internal ---

/** How many emulated guests of one processor share the files. */
function emulatedGuests(): number {
  return availableParallelism();
}

/** Of a guest: half an hour, or what so many files may take where a guest is emulated and its machine is busy. */
function timeoutMsOf({ files }: KernelJob): number {
  return Math.max(30, 4 * files.length) * 60_000;
}

function guestOptions(
  job: KernelJob,
  report: string,
  reports: string,
  pattern: string | undefined,
  write: Write,
  processor: number,
): GuestOptions {
  const { lab, files, processors } = job;
  const { architecture, testEnvironment } = labNamed(lab);
  return {
    // Of another kind of processor, the guest has a Bun of its own.
    command: [architecture === undefined ? process.execPath : "bun", ...bunTestArguments(files, report, pattern)],
    ...(testEnvironment === undefined ? {} : { env: testEnvironment }),
    cwd: checkout,
    timeoutMs: timeoutMsOf(job),
    writableFolders: [reports],
    stdout: write,
    stderr: write,
    processor,
    cpus: processors,
  };
}
