import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { cachedFolder } from "./cache-folder.ts";
import { type ForeignApt, foreignApt } from "./foreign-apt.ts";
import type { KernelImage } from "./kernel-image.ts";
import { type HostPackage, installMissingPackages } from "./packages.ts";
import { progress } from "./progress.ts";
import { runCommand } from "./run-command.ts";

/** The files of a small Debian for arm64 in a folder of this host, and the kernel among them. */
export interface Arm64System {
  readonly root: string;
  readonly kernel: KernelImage;
}

/** Debian's current one, put together without installing anything; a cached one is kept for ever. */
export async function arm64System(): Promise<Arm64System> {
  await installMissingPackages(HOST_PACKAGES);
  const key = Bun.hash([KERNEL, ...PROGRAMS, LAYOUT].join(" ")).toString(36);
  const root = await cachedFolder(`arm64-${key}`, fill);
  const modules = join(root, "usr/lib/modules");
  const [version] = await readdir(modules);
  if (version === undefined) throw new Error(`${root} holds no kernel; remove it, to have it fetched again`);
  return { root, kernel: { version, modules, bootFile: join(root, "boot", `vmlinuz-${version}`) } };
}

/** Where the guest has its modules. */
export const ARM64_MODULES = "/usr/lib/modules";

// --- internal ---

const HOST_PACKAGES: readonly HostPackage[] = [
  { name: "qemu-system-arm", file: "/usr/bin/qemu-system-aarch64" },
  { name: "kmod", file: "/usr/sbin/depmod" },
  { name: "cpio", file: "/usr/bin/cpio" },
];

/** An empty package that depends on the kernel of the day. That of `linux-image-cloud-arm64` is smaller, and has no 9p. */
const KERNEL = "linux-image-arm64";

/** What the tests use, and the shell that runs them. */
const PROGRAMS: readonly string[] = [
  "busybox-static dash bash coreutils findutils grep sed procps",
  "util-linux mount kmod iproute2 ipvsadm ipset iptables nftables curl ca-certificates",
  "libnl-3-200 libnl-genl-3-200",
].flatMap((line) => line.split(" "));

/** Counted up when `fill` lays the folder out in another way. */
const LAYOUT = 1;

async function fill(root: string): Promise<void> {
  const folder = join(root, "apt");
  progress("updating the package lists for arm64");
  const apt = await foreignApt(folder, { architecture: "arm64" });
  const kernel = await kernelOfTheDay(apt);
  progress(`downloading ${kernel} and the guest's programs (about 90 MB)`);
  // Alone, as it depends on what makes an initramfs and on all that this needs.
  await apt("apt-get", "download", kernel);
  await apt("apt-get", "install", "--download-only", "--yes", "--no-install-recommends", ...PROGRAMS);
  progress("unpacking them");
  const packages = [...(await filesIn(folder)), ...(await filesIn(join(folder, "archives")))];
  for (const deb of packages.filter((path) => path.endsWith(".deb"))) {
    await runCommand(["dpkg-deb", "--extract", deb, root], { timeoutMs: 300_000 });
  }
  await rm(folder, { recursive: true });
  for (const name of ["bin", "sbin", "lib"]) await moveIntoUsr(root, name);
  // Debian's alternatives are chosen when a package is installed.
  for (const name of ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save"]) {
    await symlink("xtables-nft-multi", join(root, "usr/sbin", name));
  }
  await runCommand(["depmod", "-b", root, kernel.slice("linux-image-".length)], { timeoutMs: 120_000 });
}

async function kernelOfTheDay(apt: ForeignApt): Promise<string> {
  const depends = await apt("apt-cache", "depends", KERNEL);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`${KERNEL} depends on no kernel:\n${depends}`);
  return name;
}

/** Packages still have /bin and its like apart; on a Debian that is installed they are links into /usr. */
async function moveIntoUsr(root: string, name: string): Promise<void> {
  const [from, into] = [join(root, name), join(root, "usr", name)];
  await mkdir(into, { recursive: true });
  await runCommand(["cp", "--archive", "--link", `${from}/.`, into], { timeoutMs: 120_000 });
  await rm(from, { recursive: true });
  await symlink(`usr/${name}`, from);
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).map((name) => join(folder, name));
}
