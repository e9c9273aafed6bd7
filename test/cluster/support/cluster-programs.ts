import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cachedFolder, cacheFolder } from "../../kernel/harness/cache-folder.ts";
import { updatePackageLists } from "../../kernel/harness/packages.ts";
import { progress } from "../../kernel/harness/progress.ts";
import { runCommand } from "../../kernel/harness/run-command.ts";
import { unpackPackage } from "../../kernel/harness/unpack-package.ts";

const KUBERNETES = "1.36.3";
const ETCD = "3.6.16";
const FOLDER = `cluster-kubernetes-${KUBERNETES}-etcd-${ETCD}`;

/** The programs of a control plane, each by its path. */
export interface ClusterPrograms {
  readonly etcd: string;
  readonly apiServer: string;
}

/** They need not be built any more. */
export function clusterIsBuilt(): Promise<boolean> {
  return stat(join(cacheFolder, FOLDER)).then(
    () => true,
    () => false,
  );
}

/** Why they cannot be had on this machine; undefined where they are there, or can be built. */
export async function clusterLacks(): Promise<string | undefined> {
  if ((await clusterIsBuilt()) || goProgram() !== undefined) return undefined;
  return "there is no Go to build Kubernetes with: apt-get install golang-go, or unpack one of https://go.dev/dl into /usr/local";
}

/** Built from Go modules once, and cached beside the kernels. */
export async function clusterPrograms(): Promise<ClusterPrograms> {
  const folder = await cachedFolder(FOLDER, build);
  return { etcd: join(folder, "etcd"), apiServer: join(folder, "kube-apiserver") };
}

/** A real kube-proxy, by its path; built and cached like those, of the same source. */
export async function kubeProxyProgram(): Promise<string> {
  const name = "kube-proxy";
  const folder = await cachedFolder(`cluster-${name}-${KUBERNETES}`, (unfinished) =>
    inWorkFolder((work) => {
      progress(`building ${name} ${KUBERNETES}: half a minute on two idle processors, after kube-apiserver`);
      return compileKubernetes(work, name, unfinished);
    }),
  );
  return join(folder, name);
}

/** Debian's etcd by its path, which is 3.4: one that cannot tell how far a watch is. Beside the others; it is not installed, as it would be started then. */
export async function oldEtcdProgram(): Promise<string> {
  const folder = await cachedFolder("cluster-debian-etcd-server", async (unfinished) => {
    await updatePackageLists();
    await unpackPackage("etcd-server", unfinished);
  });
  return join(folder, "usr/bin/etcd");
}

// --- internal ---

/** For the slower of two processors that others use, too. */
const LONGEST_MS = 30 * 60_000;

function goProgram(): string | undefined {
  return Bun.which("go") ?? Bun.which("/usr/local/go/bin/go") ?? undefined;
}

function build(folder: string): Promise<void> {
  return inWorkFolder(async (work) => {
    progress(`building etcd ${ETCD}: half a minute`);
    const etcd = "go.etcd.io/etcd/server/v3";
    await compile(join(work, "etcd"), {
      requires: `${etcd} v${ETCD}`,
      replaces: [],
      program: etcd,
      to: join(folder, "etcd"),
    });
    progress(`building kube-apiserver ${KUBERNETES}: four minutes on two idle processors, and 2 GB of Go's own cache`);
    await compileKubernetes(work, "kube-apiserver", folder);
  });
}

async function inWorkFolder(use: (work: string) => Promise<void>): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "lvscare-cluster-"));
  try {
    await use(work);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compileKubernetes(work: string, name: string, folder: string): Promise<void> {
  await compile(join(work, "kubernetes"), {
    requires: `k8s.io/kubernetes v${KUBERNETES}`,
    replaces: await stagingModules(work),
    program: `k8s.io/kubernetes/cmd/${name}`,
    to: join(folder, name),
  });
}

interface Compilation {
  readonly requires: string;
  readonly replaces: readonly string[];
  /** Its package. */
  readonly program: string;
  readonly to: string;
}

/** A module of its own asks for the program, which is built as its authors pinned what it needs. */
async function compile(folder: string, { requires, replaces, program, to }: Compilation): Promise<void> {
  await mkdir(folder, { recursive: true });
  const lines = ["module lab", "", "go 1.25", "", `require ${requires}`, "", ...replaces];
  await writeFile(join(folder, "go.mod"), `${lines.join("\n")}\n`);
  await writeFile(join(folder, "tools.go"), `//go:build tools\n\npackage tools\n\nimport _ "${program}"\n`);
  await go(folder, "mod", "tidy");
  await go(folder, "build", "-trimpath", "-ldflags=-s -w", "-o", to, program);
}

/** Kubernetes has parts of it in its own tree, which are modules of another version elsewhere. */
async function stagingModules(work: string): Promise<readonly string[]> {
  const told = await go(work, "mod", "download", "-json", `k8s.io/kubernetes@v${KUBERNETES}`);
  const { GoMod } = JSON.parse(told) as { readonly GoMod: string };
  const text = await readFile(GoMod, "utf8");
  const version = `v${KUBERNETES.replace(/^1\./, "0.")}`;
  return [...text.matchAll(/^\s*(k8s\.io\/[\w-]+) => \.\/staging/gm)].map(
    ([, name = ""]) => `replace ${name} => ${name} ${version}`,
  );
}

function go(cwd: string, ...argv: readonly string[]): Promise<string> {
  const program = goProgram();
  if (program === undefined) throw new Error("there is no Go");
  const settings = ["CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOFLAGS=-buildvcs=false"];
  // Others are at work on this machine, too.
  return runCommand(["nice", "-n", "15", "env", ...settings, program, ...argv], { cwd, timeoutMs: LONGEST_MS });
}
