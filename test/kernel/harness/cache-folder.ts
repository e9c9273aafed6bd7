import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export const cacheFolder = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "lvscare-vm");

/**
 * Returns the cached folder of this name, building it first when it is missing. It appears by a rename, so
 * that a half-built one is never used; of two builders at once, the first to finish wins.
 */
export function cachedFolder(name: string, build: (folder: string) => Promise<void>): Promise<string> {
  const known = folders.get(name);
  if (known !== undefined) return known;
  const folder = findOrBuild(name, build);
  folders.set(name, folder);
  // What could not be fetched for one may be there for the next.
  folder.catch(() => folders.delete(name));
  return folder;
}

/** Asked for in this process; two machines that start at once share one build. */
const folders = new Map<string, Promise<string>>();

async function findOrBuild(name: string, build: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder, name);
  if (await isFolder(folder)) return folder;
  await mkdir(cacheFolder, { recursive: true });
  const unfinished = await mkdtemp(join(cacheFolder, `.building-${name}-`));
  try {
    await build(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!(await isFolder(folder))) throw error;
  }
  return folder;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
