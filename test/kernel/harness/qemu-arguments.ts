import { join } from "node:path";
import type { KernelImage } from "./kernel-image.ts";

export type Hardware = {
  kernel: KernelImage;
  initramfs: string;
  memoryMb: number;
  cpus: number;
  /** The run's own folder: the share with settings and output, and the kernel's log. */
  folder: string;
  writableFolders: readonly string[];
  /** A second serial port on our terminal. */
  interactive: boolean;
};

export function qemuArguments(hardware: Hardware): string[] {
  const terminal = ["-chardev", "stdio,id=terminal,signal=off", "-serial", "chardev:terminal"];
  return [
    "qemu-system-x86_64",
    // Emulated, never /dev/kvm: where a virtual machine has one at all, it may hang the guest.
    // Without ERMS: emulated byte by byte, `rep movsb` makes clearing and copying of pages slow.
    ..."-accel tcg,thread=multi -cpu max,-erms,-fsrm".split(" "),
    ..."-nodefaults -no-user-config -nographic -no-reboot -monitor none".split(" "),
    ...qemuFlag("-m", hardware.memoryMb),
    ...qemuFlag("-smp", hardware.cpus),
    ...qemuFlag("-kernel", hardware.kernel.bootFile),
    ...qemuFlag("-initrd", hardware.initramfs),
    ...qemuFlag("-append", kernelParameters.join(" ")),
    ...qemuFlag("-serial", `file:${join(hardware.folder, "kernel.log")}`),
    ...(hardware.interactive ? terminal : []),
    ...qemuShare("root", "/", "readonly=on,multidevs=remap"),
    ...qemuShare("share", join(hardware.folder, "share")),
    ...hardware.writableFolders.flatMap((path, index) => qemuShare(`writable${index}`, path)),
  ];
}

/** The guest's name of the second serial port. */
export const terminalDevice = "/dev/ttyS1";

const kernelParameters = [
  "console=ttyS0",
  "panic=-1",
  "oops=panic",
  // Emulated, the counter-measures against speculation cost time and protect nobody.
  "mitigations=off",
  "nokaslr",
  // The emulator keeps what it has translated by virtual address: where every process is laid out alike, the next finds it there. That
  // halves the time of starting one.
  "norandmaps",
  // The emulated clock sources disagree under load; without these the guest may stall or warn at boot.
  "no_timer_check",
  "tsc=reliable",
];

export function qemuFlag(name: string, value: string | number): string[] {
  return [name, String(value)];
}

export function qemuShare(tag: string, path: string, more = ""): string[] {
  const options = `local,path=${path.replaceAll(",", ",,")},mount_tag=${tag},security_model=none`;
  return qemuFlag("-virtfs", more === "" ? options : `${options},${more}`);
}
