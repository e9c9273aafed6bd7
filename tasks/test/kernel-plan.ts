import { join } from "node:path";
import { fastestLab, type Needs, unmet } from "../../test/kernel/harness/labs.ts";
import { type Declaration, declarationOf } from "../../test/kernel/harness/require-test-kernel.ts";
import { checkout } from "./checkout.ts";
import { secondsOf } from "./known-seconds.ts";

/** Kernel test files that one guest runs, one after the other. */
export interface KernelJob {
  readonly lab: string;
  readonly files: readonly string[];
  /** They run the npm package and the image, too. */
  readonly deliveries: boolean;
  /** They start a browser. */
  readonly browser: boolean;
  /** Of the guest, where they are emulated. */
  readonly processors: number;
  /** What it may take; only the order of the jobs depends on it. */
  readonly seconds: number;
}

export interface KernelPlan {
  readonly jobs: readonly KernelJob[];
  /** What runs nowhere, each with the reason. */
  readonly leftOut: readonly string[];
}

/** The second version of the kernel, for files that ask for every one. */
const SECOND_VERSION = "qemu-6.12";

/**
 * Each file to the fastest lab that has what it needs, or all to `lab`. `everyVersion`: those that ask for it run on a second version of the
 * kernel as well. `processors`: of emulated guests, where no file asks for more. `guests`: how many
 * emulated ones of a kind share the files.
 */
export async function planKernelJobs(
  files: readonly string[],
  {
    lab,
    everyVersion,
    processors,
    guests = 1,
  }: { lab?: string; everyVersion: boolean; processors: number; guests?: number },
): Promise<KernelPlan> {
  const declared = await Promise.all(files.map(async (file) => [file, await declarationOfFile(file)] as const));
  const jobs: KernelJob[] = [];
  const leftOut: string[] = [];
  const native: [string, Declaration][] = [];
  const emulated = new Map<string, [string, Declaration][]>();
  for (const [file, needs] of declared) {
    const missing = lab === undefined ? [] : unmet(needs, lab);
    if (missing.length > 0) {
      leftOut.push(`${file}: the lab ${lab} lacks ${missing.join(" and ")}`);
      continue;
    }
    const own = lab ?? fastestLab(needs);
    const places = everyVersion && lab === undefined && needs.everyVersion === true ? [own, SECOND_VERSION] : [own];
    for (const place of places) {
      if (place === "uml") native.push([file, needs]);
      else emulated.set(place, [...(emulated.get(place) ?? []), [file, needs]]);
    }
  }
  // A guest of this kind boots in a moment: one for each file, so that no test meets what another left behind. Of short ones, the guest's start
  // and that of what runs the tests would be half: they share some.
  const short = native.filter(([file]) => secondsOf("uml", file) <= SHORT_S);
  const heaps = Math.ceil(short.reduce((total, [file]) => total + secondsOf("uml", file), 0) / SHARED_S);
  for (const share of [
    ...native.filter((one) => !short.includes(one)).map((one) => [one]),
    ...shared("uml", short, heaps),
  ])
    jobs.push(jobOf("uml", share, processors));
  for (const [place, own] of emulated)
    for (const share of shared(place, own, guests)) jobs.push(jobOf(place, share, processors));
  return { jobs: jobs.toSorted((a, b) => b.seconds - a.seconds), leftOut };
}

/** What the files need together. */
export async function needsOfFiles(files: readonly string[]): Promise<Declaration> {
  const all = await Promise.all(files.map(declarationOfFile));
  const needs: Needs = {
    nftables: all.some(({ nftables }) => nftables),
    processors: Math.max(1, ...all.map(({ processors = 1 }) => processors)),
  };
  return { ...needs, deliveries: all.some(({ deliveries }) => deliveries) };
}

// --- internal ---

/** Of files that share a guest of user-mode Linux, and of the guest. */
const SHORT_S = 12;
const SHARED_S = 45;

/** The files in so many heaps that take about as long, the longest files first. */
function shared<File extends readonly [string, Declaration]>(
  lab: string,
  files: readonly File[],
  guests: number,
): readonly (readonly File[])[] {
  const heaps = Array.from({ length: guests }, () => ({ seconds: 0, files: [] as File[] }));
  for (const file of files.toSorted((a, b) => secondsOf(lab, b[0]) - secondsOf(lab, a[0]))) {
    const [least] = heaps.toSorted((a, b) => a.seconds - b.seconds);
    least?.files.push(file);
    if (least !== undefined) least.seconds += secondsOf(lab, file[0]);
  }
  return heaps.flatMap((heap) => (heap.files.length === 0 ? [] : [heap.files]));
}

function jobOf(lab: string, files: readonly (readonly [string, Declaration])[], processors: number): KernelJob {
  return {
    lab,
    files: files.map(([file]) => file),
    deliveries: files.some(([, { deliveries }]) => deliveries),
    browser: files.some(([, { browser }]) => browser),
    processors: Math.max(processors, ...files.map(([, needs]) => needs.processors ?? 1)),
    seconds: files.reduce((total, [file]) => total + secondsOf(lab, file), 0),
  };
}

async function declarationOfFile(file: string): Promise<Declaration> {
  return declarationOf(await Bun.file(join(checkout, file)).text());
}
