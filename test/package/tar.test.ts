import { expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm, symlink, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packFolder } from "../../tasks/image/tar.ts";
import { runCommand } from "../kernel/harness/run-command.ts";

test("the same files give the same bytes, whenever and in whatever order they were written, and whatever the umask", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-tar-"));
  try {
    const tars = [];
    for (const [name, files, mode] of [
      ["one", ["a/x", "a/y", "b"], 0o600],
      ["two", ["b", "a/y", "a/x"], 0o664],
    ] as const) {
      const root = join(folder, name);
      for (const file of files) {
        await Bun.write(join(root, file), `content of ${file}`);
        await chmod(join(root, file), mode);
        await utimes(join(root, file), mode, mode);
      }
      await mkdir(join(root, "empty"), { mode: mode | 0o100 });
      await symlink("x", join(root, "a/link"));
      await packFolder(root, `${root}.tar`);
      tars.push(await Bun.file(`${root}.tar`).bytes());
    }
    expect(tars[0]).toEqual(tars[1] ?? new Uint8Array());
    const listed = await runCommand(
      ["tar", "--list", "--verbose", "--numeric-owner", "--file", join(folder, "one.tar")],
      {
        timeoutMs: 60_000,
      },
    );
    expect(
      listed
        .trim()
        .split("\n")
        .map((line) => line.replaceAll(/\s+/g, " ")),
    ).toEqual([
      "drwxr-xr-x 0/0 0 1970-01-01 00:00 a/",
      "lrwxr-xr-x 0/0 0 1970-01-01 00:00 a/link -> x",
      "-rw-r--r-- 0/0 14 1970-01-01 00:00 a/x",
      "-rw-r--r-- 0/0 14 1970-01-01 00:00 a/y",
      "-rw-r--r-- 0/0 12 1970-01-01 00:00 b",
      "drwxr-xr-x 0/0 0 1970-01-01 00:00 empty/",
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
