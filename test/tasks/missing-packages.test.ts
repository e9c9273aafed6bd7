import { expect, test } from "bun:test";
import { resolve } from "node:path";

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
