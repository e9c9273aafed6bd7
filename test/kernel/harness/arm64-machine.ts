import { mkdir, symlink } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fetchRuntimes } from "../../../tasks/build/runtimes.ts";
import { targetNamed } from "../../../tasks/build/targets.ts";
import { arm64QemuArguments, arm64TerminalDevice } from "./arm64-qemu-arguments.ts";
import { ARM64_MODULES, arm64System } from "./arm64-system.ts";
import { guestEnvironment } from "./guest-environment.ts";
import { writeGuestSettings } from "./guest-settings.ts";
import { initramfs } from "./initramfs.ts";
import { runMachine, type VmOptions, type VmResult } from "./machine.ts";
import type { RunFolder } from "./run-folder.ts";

export type Arm64Options = VmOptions & {
  /** The emulated processor: by default Arm's server core of 2019, which most clouds had first. */
  cpu?: string;
};

/**
 * Boots an arm64 guest, runs one command in it as root, and ends it. Of the host's files it has the checkout, at its own path; programs are
 * Debian's for arm64, and `bun` is the runtime that is in the arm64 binary.
 */
export function runInArm64(options: Arm64Options): Promise<VmResult> {
  return runMachine(options, prepare);
}

// --- internal ---

/**
 * It has no SVE. With that, which `-cpu max` has, compiled JavaScript goes wrong in the emulator after some minutes.
 */
const DEFAULT_CPU = "neoverse-n1";

const checkout = resolve(import.meta.dir, "../../..");

async function prepare(options: Arm64Options, run: RunFolder): Promise<string[]> {
  const { root, kernel } = await arm64System();
  const runtime = (await fetchRuntimes())(targetNamed("linux-arm64"));
  await addPrograms(run, runtime);
  const writableFolders = (options.writableFolders ?? []).map((path) => resolve(path));
  const readableFolders = [checkout, dirname(runtime)];
  await writeGuestSettings(run.share, {
    command: options.command,
    cwd: resolve(options.cwd ?? "."),
    env: {
      ...guestEnvironment(),
      PATH: `/run/vm/${PROGRAMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: "/root",
      LVSCARE_BINARY: join(checkout, "dist/lvscare-linux-arm64"),
      ...options.env,
    },
    modules: ARM64_MODULES,
    withoutModules: options.withoutModules ?? [],
    readableFolders,
    writableFolders,
    ...(options.interactive ? { terminal: arm64TerminalDevice } : {}),
  });
  return arm64QemuArguments({
    kernel,
    root,
    readableFolders,
    writableFolders,
    initramfs: await initramfs(kernel, join(root, "bin/busybox")),
    cpu: options.cpu ?? DEFAULT_CPU,
    memoryMb: options.memoryMb ?? 2048,
    cpus: options.cpus ?? Math.min(2, availableParallelism()),
    folder: run.path,
    interactive: options.interactive ?? false,
  });
}

/** In the run's share. */
const PROGRAMS = "bin";

async function addPrograms(run: RunFolder, runtime: string): Promise<void> {
  const folder = join(run.share, PROGRAMS);
  await mkdir(folder);
  for (const name of ["bun", "bunx"]) await symlink(runtime, join(folder, name));
}
