import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cachedFolder, cacheFolder } from "../../test/kernel/harness/cache-folder.ts";
import { foreignApt } from "../../test/kernel/harness/foreign-apt.ts";
import { runCommand } from "../../test/kernel/harness/run-command.ts";
import { sha256 } from "../build/file-digest.ts";
import { lockedPackages, type LockedPackage } from "./debian-lock.ts";
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
 * Fetches the locked Debian packages of any architecture and unpacks them without installing anything. Each is held against its hash, so that
 * the image is made of the same bytes whenever it is made. What was fetched once is not asked for again.
 */
export async function fetchDebianPackages(architecture: string): Promise<UnpackedPackage[]> {
  const packages = lockedPackages(architecture);
  const prefix = `debian-${SUITE}-${architecture}-`;
  const name = `${prefix}${Bun.hash(JSON.stringify(packages)).toString(36)}`;
  const folder = await cachedFolder(name, (into) => unpack(architecture, packages, into));
  await removeOthers(prefix, name);
  return Promise.all(
    packages.map(async ({ name }) => ({
      name,
      files: join(folder, name),
      control: await Bun.file(join(folder, `${name}.control`)).text(),
    })),
  );
}

/**
 * Has apt fetch packages into a folder, by name or as `name=version`; it works there alone, with this host's sources and keys. Returns where
 * each lies.
 */
export async function downloadPackages(
  architecture: string,
  wanted: readonly string[],
  apt: string,
): Promise<{ readonly name: string; readonly path: string }[]> {
  progress(`fetching ${SUITE}'s ${wanted.join(" ")} for ${architecture}`);
  const runApt = await foreignApt(apt, { architecture, suite: SUITE });
  await runApt("apt-get", "download", ...wanted).catch((cause: unknown) => {
    throw new Error(
      `this host's apt knows no ${wanted.join(" ")} of Debian ${SUITE}: give it that release's sources; what Debian has replaced since is ` +
        "in its archive of snapshots, and `bun run image --update-packages` locks the newest",
      { cause },
    );
  });
  const files = (await readdir(apt)).filter((name) => name.endsWith(".deb"));
  return files.map((file) => ({ name: file.split("_")[0] ?? file, path: join(apt, file) }));
}

// --- internal ---

async function unpack(architecture: string, packages: readonly LockedPackage[], folder: string): Promise<void> {
  const apt = join(folder, "apt");
  const wanted = packages.map(({ name, version }) => `${name}=${version}`);
  for (const { name, path } of await downloadPackages(architecture, wanted, apt)) {
    const expected = packages.find((one) => one.name === name)?.sha256;
    const found = await sha256(path);
    if (found !== expected) throw new Error(`${path} has the hash ${found}, and ${String(expected)} is locked`);
    await runCommand(["dpkg-deb", "--extract", path, join(folder, name)], { timeoutMs: 60_000 });
    await Bun.write(
      join(folder, `${name}.control`),
      await runCommand(["dpkg-deb", "--field", path], { timeoutMs: 60_000 }),
    );
  }
  await rm(apt, { recursive: true });
}

async function removeOthers(prefix: string, current: string): Promise<void> {
  const names = await readdir(cacheFolder);
  const old = names.filter((name) => name.startsWith(prefix) && name !== current);
  await Promise.all(old.map((name) => rm(join(cacheFolder, name), { recursive: true, force: true })));
}
