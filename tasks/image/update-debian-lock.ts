import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../../test/kernel/harness/run-command.ts";
import { sha256 } from "../build/file-digest.ts";
import { ARCHITECTURES } from "./architectures.ts";
import { LOCK_FILE, lockedPackages, type LockedPackage } from "./debian-lock.ts";
import { downloadPackages } from "./debian-packages.ts";

/** Locks the newest versions of the packages that are locked, as this host's apt knows them. Returns where they lie, for the next process. */
export async function updateDebianLock(): Promise<string> {
  const lock = new Map<string, LockedPackage[]>();
  for (const { name: architecture } of ARCHITECTURES) {
    const names = lockedPackages(architecture).map(({ name }) => name);
    const folder = await mkdtemp(join(tmpdir(), "lvscare-packages-"));
    try {
      const fetched = await downloadPackages(architecture, names, folder);
      const read = fetched.map(async ({ name, path }) => ({
        name,
        version: await versionOf(path),
        sha256: await sha256(path),
      }));
      lock.set(
        architecture,
        (await Promise.all(read)).toSorted((a, b) => a.name.localeCompare(b.name)),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  await Bun.write(LOCK_FILE, `${JSON.stringify(Object.fromEntries(lock), undefined, 2)}\n`);
  return LOCK_FILE;
}

// --- internal ---

async function versionOf(path: string): Promise<string> {
  return (await runCommand(["dpkg-deb", "--field", path, "Version"], { timeoutMs: 60_000 })).trim();
}
