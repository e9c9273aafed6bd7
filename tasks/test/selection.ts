import { relative, resolve } from "node:path";
import { checkout } from "./checkout.ts";

export type Selection = {
  staticSteps: boolean;
  /** Undefined: the step does not run. Paths are relative to the checkout. */
  unitFiles?: readonly string[];
  kernelFiles?: readonly string[];
  /** Kernel test files that run on arm64. */
  arm64Files?: readonly string[];
};

const kernelFolder = "test/kernel/";

/** What the arm64 binary is held to, as every test takes long there: the user guide, what a binary has to do, and all ways it is handed out. */
const ARM64_FILES = ["smoke", "guide", "binary", "deliveries"].map((name) => `${kernelFolder}${name}.test.ts`);

/** `[unit|kernel|arm64] [files…]`: a kind runs its tests alone, files run alone, nothing runs everything. */
export async function selectionFrom(argv: readonly string[]): Promise<Selection> {
  const [first] = argv;
  const kind = first === "unit" || first === "kernel" || first === "arm64" ? first : undefined;
  const wanted = argv.slice(kind === undefined ? 0 : 1).map(toRelative);
  const files = (await allTestFiles()).filter((file) => isWanted(file, wanted));
  if (wanted.length > 0 && files.length === 0) {
    throw new Error(`no test files in ${wanted.join(" ")}`);
  }
  const unitFiles = files.filter((file) => !file.startsWith(kernelFolder));
  const kernelFiles = files.filter((file) => file.startsWith(kernelFolder));
  if (kind === "arm64") return { staticSteps: false, arm64Files: wanted.length > 0 ? kernelFiles : ARM64_FILES };
  const runs = (own: "unit" | "kernel", found: readonly string[]): boolean =>
    kind === undefined ? wanted.length === 0 || found.length > 0 : kind === own;
  return {
    staticSteps: argv.length === 0,
    ...(runs("unit", unitFiles) ? { unitFiles } : {}),
    ...(runs("kernel", kernelFiles) ? { kernelFiles } : {}),
    ...(argv.length === 0 ? { arm64Files: ARM64_FILES } : {}),
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
