import { relative, resolve } from "node:path";
import { checkout } from "./checkout.ts";

export type Selection = {
  staticSteps: boolean;
  /** Undefined: the step does not run. Paths are relative to the checkout. */
  unitFiles?: readonly string[];
  kernelFiles?: readonly string[];
};

const kernelFolder = "test/kernel/";

/** `[unit|kernel] [files…]`: a kind runs its tests alone, files run alone, nothing runs everything. */
export async function selectionFrom(argv: readonly string[]): Promise<Selection> {
  const [first] = argv;
  const kind = first === "unit" || first === "kernel" ? first : undefined;
  const wanted = argv.slice(kind === undefined ? 0 : 1).map(toRelative);
  const files = (await allTestFiles()).filter((file) => isWanted(file, wanted));
  if (wanted.length > 0 && files.length === 0) {
    throw new Error(`no test files in ${wanted.join(" ")}`);
  }
  const unitFiles = files.filter((file) => !file.startsWith(kernelFolder));
  const kernelFiles = files.filter((file) => file.startsWith(kernelFolder));
  const runs = (own: "unit" | "kernel", found: readonly string[]): boolean =>
    kind === undefined ? wanted.length === 0 || found.length > 0 : kind === own;
  return {
    staticSteps: argv.length === 0,
    ...(runs("unit", unitFiles) ? { unitFiles } : {}),
    ...(runs("kernel", kernelFiles) ? { kernelFiles } : {}),
  };
}

async function allTestFiles(): Promise<string[]> {
  const files = await Array.fromAsync(new Bun.Glob("test/**/*.test.ts").scan({ cwd: checkout }));
  return files.sort();
}

function isWanted(file: string, wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true;
  return wanted.some((path) => file === path || file.startsWith(`${path}/`));
}

function toRelative(path: string): string {
  return relative(checkout, resolve(path));
}
