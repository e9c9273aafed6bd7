import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { guestSettings, type GuestMachine, type GuestOptions } from "./guest.ts";
import { writeGuestSettings } from "./guest-settings.ts";
import { initramfs } from "./initramfs.ts";
import { kernelImage, type KernelImage } from "./kernel-image.ts";
import { installMissingPackages, QEMU_PACKAGES } from "./packages.ts";
import { cardArguments, qemuFlag, qemuShare } from "./qemu-arguments.ts";
import type { RunFolder } from "./run-folder.ts";

/** QEMU with emulated processors and the kernel that this Debian package depends on. */
export function qemu(kernelPackage: string): GuestMachine {
  return {
    async prepare(options, run) {
      await installMissingPackages(QEMU_PACKAGES);
      const kernel = await kernelImage(kernelPackage);
      await writeGuestSettings(run.share, {
        ...guestSettings(options),
        machine: "qemu",
        modules: kernel.modules,
        ...(options.interactive ? { terminal: TERMINAL_DEVICE } : {}),
      });
      return qemuArguments(options, { kernel, initramfs: await initramfs(kernel), run });
    },
  };
}

// --- internal ---

interface Files {
  readonly kernel: KernelImage;
  readonly initramfs: string;
  readonly run: RunFolder;
}

function qemuArguments(options: GuestOptions, files: Files): string[] {
  const { interactive = false, plug, memoryMb, cpus } = options;
  const terminal = ["-chardev", "stdio,id=terminal,signal=off", "-serial", "chardev:terminal"];
  return [
    "qemu-system-x86_64",
    // Emulated, never /dev/kvm: where a virtual machine has one at all, it may hang the guest.
    ..."-accel tcg,thread=multi".split(" "),
    ...qemuFlag("-cpu", PROCESSOR.join(",")),
    ..."-nodefaults -no-user-config -nographic -no-reboot -monitor none".split(" "),
    ...qemuFlag("-m", memoryMb ?? Math.min(4096, Math.floor(totalmem() / 2 ** 21))),
    ...qemuFlag("-smp", cpus ?? Math.min(4, availableParallelism())),
    ...qemuFlag("-kernel", files.kernel.bootFile),
    ...qemuFlag("-initrd", files.initramfs),
    ...qemuFlag("-append", KERNEL_PARAMETERS.join(" ")),
    ...qemuFlag("-serial", `file:${join(files.run.path, "kernel.log")}`),
    ...(interactive ? terminal : []),
    ...cardArguments(plug),
    ...qemuShare("root", "/", "readonly=on,multidevs=remap"),
    ...qemuShare("share", files.run.share),
    ...guestSettings(options).writableFolders.flatMap((path, index) => qemuShare(`writable${index}`, path)),
  ];
}

/** The guest's name of the second serial port. */
const TERMINAL_DEVICE = "/dev/ttyS1";

const PROCESSOR = [
  "max",
  // Emulated byte by byte, `rep movsb` makes clearing and copying of pages slow.
  "-erms,-fsrm",
  // A level of page tables more, and protections that cost the emulator a way out of translated code at each copy from or to a program.
  "-la57,-smap,-smep,-umip,-pku",
];

const KERNEL_PARAMETERS = [
  "console=ttyS0",
  "panic=-1",
  "oops=panic",
  // Emulated, the counter-measures against speculation cost time and protect nobody.
  "mitigations=off",
  "nokaslr",
  // The emulator keeps what it has translated by virtual address: where every process is laid out alike, the next finds it there. That
  // halves the time of starting one.
  "norandmaps",
  // The emulated clock sources disagree under load; without these the guest may stall or warn at boot. The counter of the processor is read
  // in the program itself, any other by a call of the kernel that asks a device.
  "no_timer_check",
  "tsc=reliable",
  "clocksource=tsc",
];
