import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { cachedFolder, cacheFolder } from "./cache-folder.ts";
import { updatePackageLists } from "./packages.ts";
import { runCommand } from "./run-command.ts";
import { unpackPackage } from "./unpack-package.ts";
import { unpackedKernel } from "./vmlinux.ts";

export type KernelImage = {
  version: string;
  bootFile: string;
  /** The folder that becomes the guest's /lib/modules. */
  modules: string;
};

/**
 * The kernel that this empty Debian package (`linux-image-amd64`) depends on, unpacked beside the host's and never installed; a cached one
 * is kept for ever.
 */
export async function kernelImage(metaPackage: string): Promise<KernelImage> {
  const name = (await newestCached(metaPackage)) ?? (await resolvePackage(metaPackage));
  const version = name.slice(packagePrefix.length);
  const folder = await cachedFolder(folderName(metaPackage, name), (into) => unpack(name, version, into));
  return {
    version,
    bootFile: await unpackedKernel(join(folder, "boot", `vmlinuz-${version}`), version),
    modules: join(folder, "lib/modules"),
  };
}

const packagePrefix = "linux-image-";

/** A kernel's own name does not tell which package led to it, so that the folder's does. */
function folderName(metaPackage: string, name: string): string {
  return `${metaPackage}@${name}`;
}

async function newestCached(metaPackage: string): Promise<string | undefined> {
  const prefix = folderName(metaPackage, "");
  const names = await readdir(cacheFolder).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .at(-1);
}

async function resolvePackage(metaPackage: string): Promise<string> {
  await updatePackageLists();
  const depends = await runCommand(["apt-cache", "depends", metaPackage], { timeoutMs: 60_000 });
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`${metaPackage} depends on no kernel:\n${depends}`);
  return name;
}

async function unpack(name: string, version: string, folder: string): Promise<void> {
  await unpackPackage(name, folder);
  await runCommand(["depmod", "-b", folder, version], { timeoutMs: 120_000 });
}
