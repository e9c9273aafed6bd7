import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedFolder } from "./cache-folder.ts";
import { guestSettings, type GuestMachine, type GuestOptions } from "./guest.ts";
import { writeGuestSettings } from "./guest-settings.ts";
import { installMissingPackages, UML_PACKAGES } from "./packages.ts";
import { runCommand } from "./run-command.ts";
import type { RunFolder } from "./run-folder.ts";

/** Enough for each kernel test file; what a guest does not touch costs nothing. */
export const UML_MEMORY_MB = 3072;

/** Debian's user-mode Linux: a kernel that is a process here, so that user code in it runs at its own speed. */
export const uml: GuestMachine = {
  async prepare(options, run) {
    await installMissingPackages(UML_PACKAGES);
    await writeGuestSettings(run.share, {
      ...guestSettings(options),
      machine: "uml",
      modules: MODULES,
      ...(options.interactive ? { terminal: TERMINAL_DEVICE } : {}),
    });
    await copyFile(GUEST_INIT, join(run.share, "guest-init"));
    await copyFile(await mapAtOnce(), join(run.share, "map-at-once.so"));
    await mkdir(join(run.path, "memory"));
    // It and the processes of its guest end together: the guest's are not its children but traced by it, and would live on without it.
    return [
      "taskset",
      "--cpu-list",
      await processor(options.processor),
      ..."unshare --mount --pid --fork --kill-child=KILL --mount-proc --".split(" "),
      "/bin/sh",
      join(import.meta.dir, "uml-start.sh"),
      join(run.path, "memory"),
      ...(await umlArguments(options, run)),
    ];
  },
};

// --- internal ---

const MODULES = "/usr/lib/uml/modules";

const GUEST_INIT = join(import.meta.dir, "guest-init.sh");

/**
 * A boot measures how fast this machine is: for delays, for RAID and Btrfs, which nothing here uses, and for compressed
 * swap. Without that it takes half the time, and a third of the processor's.
 */
const QUICK_BOOT = [
  "lpj=35479552",
  "initcall_blacklist=raid6_select_algo,calibrate_xor_blocks,init_btrfs_fs,init_zswap",
];

/** The guest's name of the second console. */
const TERMINAL_DEVICE = "/dev/tty1";

/**
 * The one processor that all of the guest is kept to. Each of its system calls goes from one process here to another and back, which takes a third longer
 * where they are on two.
 */
async function processor(wanted = process.pid): Promise<string> {
  const status = await readFile("/proc/self/status", "utf8");
  const allowed = /^Cpus_allowed_list:\t(.*)$/m.exec(status)?.[1] ?? "0";
  const all = allowed.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return String(all[wanted % all.length]);
}

async function umlArguments(options: GuestOptions, run: RunFolder): Promise<string[]> {
  const { interactive = false, plug, memoryMb = UML_MEMORY_MB } = options;
  return [
    "linux.uml",
    `mem=${memoryMb}M`,
    ...QUICK_BOOT,
    ..."root=/dev/root rootfstype=hostfs rootflags=/ ro panic=-1".split(" "),
    // Where it keeps a socket of its own; else in the home folder.
    `uml_dir=${run.path}`,
    // Words that the kernel does not know become the environment of its first process.
    "GUEST_MACHINE=uml",
    `GUEST_SHARE=${run.share}`,
    `GUEST_OVERLAY=${await overlayModule()}`,
    // The kernel's log is the first console's output.
    "con=null",
    `con0=null,fd:${interactive ? 2 : 1}`,
    ...(interactive ? ["con1=fd:0,fd:1"] : []),
    ...(plug === undefined ? [] : [`vec0:transport=tap,ifname=${plug.tap},depth=128,gro=1,mac=${plug.mac}`]),
    // Through busybox: a checkout may have lost the mode that lets the kernel start a script.
    "init=/bin/busybox",
    "--",
    "sh",
    GUEST_INIT,
  ];
}

/** What lets the guest's programs start in two thirds of the time: see there. */
async function mapAtOnce(): Promise<string> {
  const source = join(import.meta.dir, "map-at-once.c");
  const key = Bun.hash(await Bun.file(source).text()).toString(36);
  const folder = await cachedFolder(`map-at-once-${key}`, async (into) => {
    const argv = ["tcc", "-shared", "-nostdlib", "-o", join(into, "map-at-once.so"), source];
    await runCommand(argv, { timeoutMs: 60_000 });
  });
  return join(folder, "map-at-once.so");
}

/** The layer over the host's files is a module of this kernel, and is loaded before there is any module folder. */
async function overlayModule(): Promise<string> {
  const [version = ""] = await readdir(MODULES);
  return join(MODULES, version, "kernel/fs/overlayfs/overlay.ko");
}
