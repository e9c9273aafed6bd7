import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { clusterIsBuilt } from "../../test/cluster/support/cluster-programs.ts";
import { labNamed } from "../../test/kernel/harness/labs.ts";
import { checkout } from "./checkout.ts";

export interface Selection {
  /** Nothing was left out by asking for a part. */
  readonly isWhole: boolean;
  readonly staticSteps: boolean;
  /** Undefined: the step does not run. Paths are relative to the checkout. */
  readonly unitFiles?: readonly string[];
  readonly kernelFiles?: readonly string[];
  readonly nodeFiles?: readonly string[];
  /** All where they are asked for; as part of everything, those of a minute, and only where the programs that they need are built. */
  readonly clusterFiles?: readonly string[];
  /** Where the kernel tests run; without it each in the fastest lab that serves. */
  readonly lab?: string;
  /** A regular expression: tests of other names do not run. */
  readonly pattern?: string;
}

/** Where the files of each kind are; those of unit tests are everywhere else. */
const FOLDERS = { kernel: "test/kernel/", node: "test/node/", cluster: "test/cluster/" } as const;

/** What of `cluster` is part of everything: on this machine's own kernel, without nodes. */
const CLUSTER_IN_EVERYTHING = ["test/cluster/checks.test.ts"];

type Kind = "unit" | keyof typeof FOLDERS;

/** What the arm64 binary is held to, as every test takes long there: the user guide, what a binary has to do, and all ways it is handed out. */
const ARM64_FILES = ["smoke", "guide", "binary", "deliveries"].map((name) => `${FOLDERS.kernel}${name}.test.ts`);

/**
 * `[unit|kernel|node|cluster|arm64] [files…]`: a kind runs its tests alone, files run alone, nothing runs everything but `arm64`, which stands for
 * some kernel tests in the lab of that name, and most of `cluster`.
 */
export async function selectionFrom(argv: readonly string[], isBuilt = clusterIsBuilt): Promise<Selection> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { in: { type: "string" }, "test-name-pattern": { type: "string", short: "t" } },
  });
  const { in: lab, "test-name-pattern": pattern } = values;
  if (lab !== undefined) labNamed(lab);
  const [first = ""] = positionals;
  if (first === "arm64") {
    const files = positionals.length > 1 ? positionals.slice(1) : ARM64_FILES;
    return selectionFrom(["kernel", "--in", "qemu-arm64", ...(pattern === undefined ? [] : ["-t", pattern]), ...files]);
  }
  const kind = isKind(first) ? first : undefined;
  const wanted = positionals.slice(kind === undefined ? 0 : 1).map(toRelative);
  const files = (await allTestFiles()).filter((file) => isWanted(file, wanted));
  if (wanted.length > 0 && files.length === 0) {
    throw new Error(`no test files in ${wanted.join(" ")}`);
  }
  const filesOf = (own: Kind): { readonly found: readonly string[]; readonly run: boolean } => {
    const found = files.filter((file) => kindOf(file) === own);
    return { found, run: kind === undefined ? wanted.length === 0 || found.length > 0 : kind === own };
  };
  const [unit, kernel, node, cluster] = [filesOf("unit"), filesOf("kernel"), filesOf("node"), filesOf("cluster")];
  return {
    isWhole: argv.length === 0,
    staticSteps: argv.length === 0 || (kind === "unit" && wanted.length === 0),
    ...(unit.run ? { unitFiles: unit.found } : {}),
    ...(kernel.run ? { kernelFiles: kernel.found } : {}),
    ...(node.run ? { nodeFiles: node.found } : {}),
    ...clusterFilesOf(cluster, argv.length === 0 ? await isBuilt() : undefined),
    ...(lab === undefined ? {} : { lab }),
    ...(pattern === undefined ? {} : { pattern }),
  };
}

// --- internal ---

/** `isBuilt`: whether that is so, where everything was asked for. Nothing is built for it then: that takes five minutes, and Go. */
function clusterFilesOf(
  { found, run }: { readonly found: readonly string[]; readonly run: boolean },
  isBuilt: boolean | undefined,
): Pick<Selection, "clusterFiles"> {
  if (isBuilt === undefined) return run ? { clusterFiles: found } : {};
  return isBuilt ? { clusterFiles: found.filter((file) => CLUSTER_IN_EVERYTHING.includes(file)) } : {};
}

function isKind(word: string): word is Kind {
  return word === "unit" || Object.hasOwn(FOLDERS, word);
}

function kindOf(file: string): Kind {
  if (file.startsWith(FOLDERS.kernel)) return "kernel";
  if (file.startsWith(FOLDERS.cluster)) return "cluster";
  return file.startsWith(FOLDERS.node) ? "node" : "unit";
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
