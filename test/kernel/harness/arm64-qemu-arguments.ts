import { join } from "node:path";
import { type Hardware, qemuFlag, qemuShare } from "./qemu-arguments.ts";

export type Arm64Hardware = Hardware & {
  /** The folder that becomes the guest's root. */
  root: string;
  /** As `qemu-system-aarch64 -cpu help` names it. */
  cpu: string;
  /** Folders of the host that the guest sees, and cannot write to. */
  readableFolders: readonly string[];
};

export function arm64QemuArguments(hardware: Arm64Hardware): string[] {
  const terminal = ["-chardev", "stdio,id=terminal,signal=off", "-device", "pci-serial,chardev=terminal"];
  return [
    "qemu-system-aarch64",
    ..."-machine virt -accel tcg,thread=multi".split(" "),
    ...qemuFlag("-cpu", hardware.cpu),
    ..."-nodefaults -no-user-config -nographic -no-reboot -monitor none".split(" "),
    ...qemuFlag("-m", hardware.memoryMb),
    ...qemuFlag("-smp", hardware.cpus),
    ...qemuFlag("-kernel", hardware.kernel.bootFile),
    ...qemuFlag("-initrd", hardware.initramfs),
    ...qemuFlag("-append", kernelParameters.join(" ")),
    ...qemuFlag("-serial", `file:${join(hardware.folder, "kernel.log")}`),
    ...(hardware.interactive ? terminal : []),
    ...qemuShare("root", hardware.root, "readonly=on,multidevs=remap"),
    ...qemuShare("share", join(hardware.folder, "share")),
    ...hardware.readableFolders.flatMap((path, index) => qemuShare(`readable${index}`, path, "readonly=on")),
    ...hardware.writableFolders.flatMap((path, index) => qemuShare(`writable${index}`, path)),
  ];
}

/** The guest's name of the second serial port. */
export const arm64TerminalDevice = "/dev/ttyS0";

/** As on amd64, and for the same reasons. */
const kernelParameters = ["console=ttyAMA0", "panic=-1", "oops=panic", "mitigations=off", "nokaslr", "norandmaps"];
