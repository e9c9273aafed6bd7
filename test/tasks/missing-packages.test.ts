import { expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const PACKAGES = resolve(import.meta.dir, "../kernel/harness/packages.ts");

test("names what is missing where there is no apt-get to install it with", async () => {
  const script = `
    import { installMissingPackages } from ${JSON.stringify(PACKAGES)};
    const wanted = [{ name: "sh", file: "/bin/sh" }, { name: "qemu-system-arm", file: "/nowhere/qemu" }, { name: "kmod", file: "/nowhere/kmod" }];
    await installMissingPackages(wanted).catch((error) => console.log(String(error)));`;
  const child = Bun.spawn([process.execPath, "-e", script], { env: { PATH: "/nowhere" }, stdout: "pipe" });
  expect(await new Response(child.stdout).text()).toBe(
    "Error: qemu-system-arm kmod are missing, and there is no apt-get to install with\n",
  );
});

test("tries anew, with lists of that moment, what could not be fetched", async () => {
  // Others may not install anything.
  if (process.getuid?.() !== 0) return;
  const folder = await mkdtemp(join(tmpdir(), "lvscare-apt-"));
  try {
    const apt = `#!/bin/sh
for word; do case $word in update | install) echo $word >> ${folder}/log; last=$word ;; esac; done
[ $last = update ] || [ $(grep -c update ${folder}/log) = 2 ]
`;
    await writeFile(join(folder, "apt-get"), apt, { mode: 0o755 });
    const script = `
      import { installMissingPackages } from ${JSON.stringify(PACKAGES)};
      await installMissingPackages([{ name: "kmod", file: "/nowhere/kmod" }]);`;
    const env = { PATH: `${folder}:/usr/bin:/bin`, TMPDIR: folder };
    const child = Bun.spawn([process.execPath, "-e", script], { env, stdout: "pipe", stderr: "pipe" });
    expect([await child.stderr.text(), await child.exited]).toEqual([expect.stringContaining("kmod"), 0]);
    // Before that it has tried with the lists that are here, if there are any.
    const words = (await readFile(join(folder, "log"), "utf8")).trim().split("\n");
    expect(words.slice(-4)).toEqual(["update", "install", "update", "install"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
