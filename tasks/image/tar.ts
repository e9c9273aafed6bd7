import { readdir } from "node:fs/promises";
import { runCommand } from "../../test/kernel/harness/run-command.ts";

/** Packs a folder so that the same files give the same bytes: sorted, owned by root, from 1970, with rights that no umask touched. */
export async function packFolder(folder: string, output: string): Promise<void> {
  await runCommand(
    [
      "tar",
      "--create",
      `--file=${output}`,
      `--directory=${folder}`,
      "--format=ustar",
      "--sort=name",
      "--mtime=@0",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--mode=u+rwX,go+rX,go-w",
      "--",
      ...(await readdir(folder)).toSorted(),
    ],
    { timeoutMs: 120_000 },
  );
}
