import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cachedFolder, cacheFolder } from "../../test/kernel/harness/cache-folder.ts";
import { foreignApt } from "../../test/kernel/harness/foreign-apt.ts";
import { runCommand } from "../../test/kernel/harness/run-command.ts";
import { progress } from "./progress.ts";

/** The release of Debian that the image's libraries come from. */
const SUITE = "bookworm";

export interface UnpackedPackage {
  readonly name: string;
  /** The package's files, at their places. */
  readonly files: string;
  /** Its paragraph of Debian's index: version, architecture, maintainer. */
  readonly control: string;
}

/**
 * Fetches Debian packages of any architecture and unpacks them without installing anything: apt works in folders of its own, with this
 * host's sources and keys. What was fetched today is not asked for again.
 */
export async function fetchDebianPackages(architecture: string, names: readonly string[]): Promise<UnpackedPackage[]> {
  const prefix = `${SUITE}-${architecture}-`;
  const today = `${prefix}${new Date().toISOString().slice(0, 10)}`;
  const folder = await cachedFolder(today, (into) => download(architecture, names, into));
  await removeOthers(prefix, today);
  return Promise.all(
    names.map(async (name) => ({
      name,
      files: join(folder, name),
      control: await Bun.file(join(folder, `${name}.control`)).text(),
    })),
  );
}

// --- internal ---

async function download(architecture: string, names: readonly string[], folder: string): Promise<void> {
  progress(`fetching ${SUITE}'s ${names.join(" ")} for ${architecture}`);
  const apt = join(folder, "apt");
  const runApt = await foreignApt(apt, { architecture, suite: SUITE });
  await runApt("apt-get", "download", ...names).catch((cause: unknown) => {
    throw new Error(`the image is made of Debian ${SUITE}'s packages, which this host's apt has to know`, { cause });
  });
  for (const file of (await readdir(apt)).filter((name) => name.endsWith(".deb"))) {
    const deb = join(apt, file);
    const [name = file] = file.split("_");
    await runCommand(["dpkg-deb", "--extract", deb, join(folder, name)], { timeoutMs: 60_000 });
    await Bun.write(
      join(folder, `${name}.control`),
      await runCommand(["dpkg-deb", "--field", deb], { timeoutMs: 60_000 }),
    );
  }
  await rm(apt, { recursive: true });
}

async function removeOthers(prefix: string, current: string): Promise<void> {
  const names = await readdir(cacheFolder);
  const old = names.filter((name) => name.startsWith(prefix) && name !== current);
  await Promise.all(old.map((name) => rm(join(cacheFolder, name), { recursive: true, force: true })));
}
