import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cachedFolder, cacheFolder } from "../../test/kernel/harness/cache-folder.ts";
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
  await mkdir(join(apt, "lists/partial"), { recursive: true });
  await mkdir(join(apt, "archives/partial"), { recursive: true });
  await Bun.write(join(apt, "status"), "");
  await Bun.write(
    join(apt, "preferences"),
    `Package: *\nPin: release n=${SUITE}*\nPin-Priority: 990\n\nPackage: *\nPin: release n=*\nPin-Priority: -1\n`,
  );
  const options = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    `Dir::State=${apt}`,
    `Dir::State::status=${apt}/status`,
    `Dir::Cache=${apt}`,
    `Dir::Etc::preferences=${apt}/preferences`,
    "Dir::Etc::preferencesparts=/dev/null",
    // The unprivileged user that apt would download as may not write here.
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
    "Acquire::Retries=3",
  ].flatMap((option) => ["-o", option]);
  const aptGet = (...argv: string[]): Promise<string> =>
    runCommand(["apt-get", "--quiet", ...options, ...argv], { cwd: apt, timeoutMs: 300_000 });
  await aptGet("update");
  await aptGet("download", ...names).catch((cause: unknown) => {
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
