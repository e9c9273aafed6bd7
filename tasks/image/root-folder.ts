import { chmod, copyFile, lstat, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LICENCES_FILE } from "../licences.ts";
import { checkout } from "../test/checkout.ts";
import type { Architecture } from "./architectures.ts";
import { fetchDebianPackages, type UnpackedPackage } from "./debian-packages.ts";

/**
 * Fills the image's root: the binary and what it opens, and nothing that could be run besides it. There is no modprobe, because the
 * kernel itself loads ip_vs and its schedulers when they are asked for, with the host's modprobe; and no iptables, because all talk with
 * the kernel is netlink.
 */
export async function fillRootFolder(root: string, architecture: Architecture, binary: string): Promise<void> {
  const wanted = new Map(Object.entries(wantedFiles(architecture)));
  const packages = await fetchDebianPackages(architecture.name);
  for (const unpacked of packages) {
    for (const path of wanted.get(unpacked.name) ?? []) await take(unpacked, path, root);
    await take(unpacked, `usr/share/doc/${unpacked.name}/copyright`, root);
    // Where scanners look for packages that came without dpkg.
    await write(root, `var/lib/dpkg/status.d/${unpacked.name}`, unpacked.control);
  }
  await write(root, "etc/ssl/certs/ca-certificates.crt", await certificateBundle(packages));
  await write(root, "etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n");
  await write(root, "etc/group", "root:x:0:\n");
  await write(root, "usr/share/doc/lvscare/THIRD_PARTY_LICENCES", Bun.file(LICENCES_FILE));
  await write(root, "usr/share/doc/lvscare/LICENSE", Bun.file(join(checkout, "LICENSE")));
  await write(root, "usr/bin/lvscare", Bun.file(binary));
  await chmod(join(root, "usr/bin/lvscare"), 0o755);
  await mkdir(join(root, "run"));
}

// --- internal ---

/** What is taken of each Debian package, besides its licence. */
function wantedFiles({ libraries, loader }: Architecture): Readonly<Record<string, readonly string[]>> {
  const inLibraries = (...names: readonly string[]): string[] => names.map((name) => `${libraries}/${name}`);
  return {
    "base-files": ["etc/os-release"],
    "ca-certificates": [],
    libc6: [loader, ...inLibraries("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0")],
    "libnl-3-200": inLibraries("libnl-3.so.200"),
    "libnl-genl-3-200": inLibraries("libnl-genl-3.so.200"),
  };
}

/** Copies a file; of a symbolic link, the file that it leads to as well. */
async function take(from: UnpackedPackage, path: string, root: string): Promise<void> {
  const [source, destination] = [join(from.files, path), join(root, path)];
  await mkdir(dirname(destination), { recursive: true });
  const { mode } = await lstat(source);
  if ((await lstat(source)).isSymbolicLink()) {
    const target = await readlink(source);
    await symlink(target, destination);
    await take(from, target.startsWith("/") ? target.slice(1) : join(dirname(path), target), root);
    return;
  }
  await copyFile(source, destination);
  await chmod(destination, mode);
}

/** Mozilla's authorities in one file, as Debian's `update-ca-certificates` writes it at installation. */
async function certificateBundle(packages: readonly UnpackedPackage[]): Promise<string> {
  const folder = join(
    packages.find(({ name }) => name === "ca-certificates")?.files ?? "",
    "usr/share/ca-certificates/mozilla",
  );
  const names = (await readdir(folder)).toSorted();
  return (await Promise.all(names.map((name) => Bun.file(join(folder, name)).text()))).join("");
}

async function write(root: string, path: string, content: string | Bun.BunFile): Promise<void> {
  await Bun.write(join(root, path), content, { mode: 0o644 });
}
