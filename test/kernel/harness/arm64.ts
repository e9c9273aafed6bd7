import { mkdir, symlink } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fetchRuntimes } from "../../../tasks/build/runtimes.ts";
import { targetNamed } from "../../../tasks/build/targets.ts";
import { ARM64_MODULES, arm64System, type Arm64System } from "./arm64-system.ts";
import { guestSettings, type GuestMachine, type GuestOptions } from "./guest.ts";
import { writeGuestSettings } from "./guest-settings.ts";
import { initramfs } from "./initramfs.ts";
import { cardArguments, qemuFlag, qemuShare } from "./qemu-arguments.ts";
import type { RunFolder } from "./run-folder.ts";

/**
 * QEMU with an emulated arm64 processor and Debian's kernel for it. Of the host's files the guest has the checkout, at its own path; programs
 * are Debian's for arm64, and `bun` is the runtime that is in the arm64 binary.
 */
export const arm64: GuestMachine = {
  async prepare(options, run) {
    const system = await arm64System();
    const runtime = (await fetchRuntimes())(targetNamed("linux-arm64"));
    await addPrograms(run, runtime);
    const readableFolders = [CHECKOUT, dirname(runtime)];
    const settings = guestSettings(options);
    await writeGuestSettings(run.share, {
      ...settings,
      machine: "qemu",
      env: {
        ...settings.env,
        PATH: `/run/guest/${PROGRAMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        HOME: "/root",
        LVSCARE_BINARY: BINARY,
      },
      modules: ARM64_MODULES,
      readableFolders,
      ...(options.interactive ? { terminal: TERMINAL_DEVICE } : {}),
    });
    return qemuArguments(options, system, readableFolders, run);
  },
};

// --- internal ---

/**
 * Arm's server core of 2019, which most clouds had first. It has no SVE. On `-cpu max`, which has, glibc copies memory by SVE, in the emulator not
 * whole words at a time, and the runtime dies after some minutes of work; with a memcpy that does without SVE it was not seen to.
 */
const CPU = "neoverse-n1";

const CHECKOUT = resolve(import.meta.dir, "../../..");
const BINARY = join(CHECKOUT, "dist/lvscare-linux-arm64");

async function qemuArguments(
  options: GuestOptions,
  { root, kernel }: Arm64System,
  readableFolders: readonly string[],
  run: RunFolder,
): Promise<string[]> {
  const { interactive = false, plug, memoryMb = 2048, cpus = Math.min(2, availableParallelism()) } = options;
  const terminal = ["-chardev", "stdio,id=terminal,signal=off", "-device", "pci-serial,chardev=terminal"];
  return [
    "qemu-system-aarch64",
    ..."-machine virt -accel tcg,thread=multi".split(" "),
    ...qemuFlag("-cpu", CPU),
    ..."-nodefaults -no-user-config -nographic -no-reboot -monitor none".split(" "),
    ...qemuFlag("-m", memoryMb),
    ...qemuFlag("-smp", cpus),
    ...qemuFlag("-kernel", kernel.bootFile),
    ...qemuFlag("-initrd", await initramfs(kernel, join(root, "bin/busybox"))),
    ...qemuFlag("-append", KERNEL_PARAMETERS.join(" ")),
    ...qemuFlag("-serial", `file:${join(run.path, "kernel.log")}`),
    ...(interactive ? terminal : []),
    ...cardArguments(plug),
    ...qemuShare("root", root, "readonly=on,multidevs=remap"),
    ...qemuShare("share", run.share),
    ...readableFolders.flatMap((path, index) => qemuShare(`readable${index}`, path, "readonly=on")),
    ...guestSettings(options).writableFolders.flatMap((path, index) => qemuShare(`writable${index}`, path)),
  ];
}

/** The guest's name of the second serial port. */
const TERMINAL_DEVICE = "/dev/ttyS0";

/** As on amd64, and for the same reasons. */
const KERNEL_PARAMETERS = ["console=ttyAMA0", "panic=-1", "oops=panic", "mitigations=off", "nokaslr", "norandmaps"];

/** In the run's share. */
const PROGRAMS = "bin";

async function addPrograms(run: RunFolder, runtime: string): Promise<void> {
  const folder = join(run.share, PROGRAMS);
  await mkdir(folder);
  for (const name of ["bun", "bunx"]) await symlink(runtime, join(folder, name));
  await symlink(BINARY, join(folder, "lvscare"));
}
