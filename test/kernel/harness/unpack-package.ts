import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { aptGet } from "./packages.ts";
import { progress } from "./progress.ts";
import { runCommand } from "./run-command.ts";

/** Lays the files of a Debian package into a folder. Nothing is installed, nor started. The lists have to be fresh. */
export async function unpackPackage(name: string, folder: string): Promise<void> {
  progress(`downloading ${name}`);
  const download = join(folder, "download");
  await mkdir(download);
  await runCommand([...aptGet, "-o", "APT::Sandbox::User=root", "download", name], {
    cwd: download,
    timeoutMs: 600_000,
  });
  progress(`unpacking ${name}`);
  for (const file of await readdir(download)) {
    await runCommand(["dpkg", "-x", join(download, file), folder], { timeoutMs: 300_000 });
  }
  await rm(download, { recursive: true });
}
