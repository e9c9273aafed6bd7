import { chmod, copyFile, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { cachedFolder } from "./cache-folder.ts";
import type { KernelImage } from "./kernel-image.ts";
import { progress } from "./progress.ts";
import { runCommand } from "./run-command.ts";

/** What it takes to mount the host's files; everything else is loaded from there. */
const neededModules = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

const folders = ["bin", "dev", "proc", "modules", "host", "share", "upper", "root"];

/** The small first root of the guest: busybox, those modules in load order, and guest-init.sh as /init. */
export async function initramfs(kernel: KernelImage, busybox = "/bin/busybox"): Promise<string> {
  const init = join(import.meta.dir, "guest-init.sh");
  const key = Bun.hash(`${await Bun.file(init).text()} ${neededModules.join(" ")} 1`).toString(36);
  const folder = await cachedFolder(`initramfs-${kernel.version}-${key}`, async (into) => {
    progress("building the initramfs");
    await pack(kernel, busybox, init, join(into, "files"), join(into, archive));
  });
  return join(folder, archive);
}

const archive = "initramfs.cpio";

async function pack(kernel: KernelImage, busybox: string, init: string, root: string, out: string): Promise<void> {
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
  await copyFile(busybox, join(root, "bin/busybox"));
  await copyFile(init, join(root, "init"));
  await chmod(join(root, "init"), 0o755);
  const modules = await inLoadOrder(kernel);
  for (const file of modules) await copyModule(file, join(root, "modules"));
  await Bun.write(join(root, "modules/order"), `${modules.map(plainName).join("\n")}\n`);
  const names = [".", ...folders, "init", "bin/busybox", "modules/order"];
  names.push(...modules.map((file) => `modules/${plainName(file)}`));
  await runCommand(["cpio", "--quiet", "-o", "-H", "newc", "-O", out], {
    cwd: root,
    input: `${names.join("\n")}\n`,
    timeoutMs: 60_000,
  });
}

/** modules.dep has a line per module: `file: what it needs, the deepest last`; modules.builtin a line for each that is part of the kernel. */
async function inLoadOrder(kernel: KernelImage): Promise<string[]> {
  const folder = join(kernel.modules, kernel.version);
  const order = new Set<string>();
  const lines = (await Bun.file(join(folder, "modules.dep")).text()).split("\n");
  const builtIn = await Bun.file(join(folder, "modules.builtin")).text();
  for (const module of neededModules) {
    if (builtIn.includes(`/${module}.ko\n`)) continue;
    const line = lines.find((text) => plainName(text.split(":")[0] ?? "") === `${module}.ko`);
    if (line === undefined) throw new Error(`the kernel ${kernel.version} has no module ${module}`);
    const [file = "", needs = ""] = line.split(":");
    for (const need of [file, ...needs.split(" ").filter(Boolean)].toReversed()) order.add(need);
  }
  return [...order].map((file) => join(folder, file));
}

/** Some kernels have their modules packed, which busybox does not load. */
function plainName(file: string): string {
  return basename(file).replace(/\.xz$/, "");
}

async function copyModule(file: string, folder: string): Promise<void> {
  await copyFile(file, join(folder, basename(file)));
  if (file.endsWith(".xz"))
    await runCommand(["xz", "--decompress", join(folder, basename(file))], { timeoutMs: 60_000 });
}
