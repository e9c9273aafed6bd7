import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { labNamed } from "../../test/kernel/harness/labs.ts";
import { checkout } from "./checkout.ts";

export interface Selection {
  /** Nothing was left out by asking for a part. */
  readonly isWhole: boolean;
  readonly staticSteps: boolean;
  /** Undefined: the step does not run. Paths are relative to the checkout. */
  readonly unitFiles?: readonly string[];
  readonly kernelFiles?: readonly string[];
  /** Where the kernel tests run; without it each in the fastest lab that serves. */
  readonly lab?: string;
  /** A regular expression: tests of other names do not run. */
  readonly pattern?: string;
}

const kernelFolder = "test/kernel/";

/** `[unit|kernel] [files…]`: a kind runs its tests alone, files run alone, nothing runs everything. */
export async function selectionFrom(argv: readonly string[]): Promise<Selection> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { in: { type: "string" }, "test-name-pattern": { type: "string", short: "t" } },
  });
  const { in: lab, "test-name-pattern": pattern } = values;
  if (lab !== undefined) labNamed(lab);
  const [first] = positionals;
  const kind = first === "unit" || first === "kernel" ? first : undefined;
  const wanted = positionals.slice(kind === undefined ? 0 : 1).map(toRelative);
  const files = (await allTestFiles()).filter((file) => isWanted(file, wanted));
  if (wanted.length > 0 && files.length === 0) {
    throw new Error(`no test files in ${wanted.join(" ")}`);
  }
  const unitFiles = files.filter((file) => !file.startsWith(kernelFolder));
  const kernelFiles = files.filter((file) => file.startsWith(kernelFolder));
  const runs = (own: "unit" | "kernel", found: readonly string[]): boolean =>
    kind === undefined ? wanted.length === 0 || found.length > 0 : kind === own;
  return {
    isWhole: argv.length === 0,
    staticSteps: argv.length === 0 || (kind === "unit" && wanted.length === 0),
    ...(runs("unit", unitFiles) ? { unitFiles } : {}),
    ...(runs("kernel", kernelFiles) ? { kernelFiles } : {}),
    ...(lab === undefined ? {} : { lab }),
    ...(pattern === undefined ? {} : { pattern }),
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
