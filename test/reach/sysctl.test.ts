import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { foresee } from "../../src/reach/host-object.ts";
import { sysctl } from "../../src/reach/sysctl.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sysctl-"));
  await mkdir(join(root, "net"));
});
afterEach(() => rm(root, { recursive: true }));

const WHY = "clients are told";

test("sets what is otherwise, tells how it was, and leaves it when taken back", async () => {
  await writeFile(join(root, "net/some"), "0\n");
  const object = sysctl("net/some", "1", WHY, { root });
  expect([object.name, await object.inspect()]).toEqual(["sysctl net/some=1", "is 0"]);
  await object.establish();
  expect([await object.inspect(), await readFile(join(root, "net/some"), "utf8")]).toEqual([undefined, "1\n"]);
  expect(await object.remove()).toBe(false);
  expect(await object.inspect()).toBeUndefined();
});

test("is absent where this kernel does not have it", async () => {
  const object = sysctl("net/none", "1", WHY, { root });
  expect(await object.inspect()).toBe("absent");
  await expect(object.establish()).rejects.toMatchObject({
    code: "NOT_SUPPORTED",
    operation: "set net/none to 1, so that clients are told",
  });
});

test("refuses with the kernel's own errno", async () => {
  await mkdir(join(root, "net/folder"));
  await expect(sysctl("net/folder", "1", WHY, { root }).inspect()).rejects.toMatchObject({
    code: "KERNEL_REFUSED",
    errno: "EISDIR",
    operation: "read net/folder",
  });
});

test("is foreseen without a write: what it would be, and what is in the way", async () => {
  await writeFile(join(root, "net/some"), "0\n");
  const some = sysctl("net/some", "1", WHY, { root });
  expect(await foresee(some)).toEqual({ deviation: "is 0" });
  expect(await readFile(join(root, "net/some"), "utf8")).toBe("0\n");
  expect(await foresee(sysctl("net/some", "0", WHY, { root }))).toEqual({ deviation: undefined });
  expect(await foresee(sysctl("net/none", "1", WHY, { root }))).toMatchObject({
    deviation: "absent",
    obstacle: { code: "NOT_SUPPORTED" },
  });
  await mkdir(join(root, "net/folder"));
  expect(await foresee(sysctl("net/folder", "1", WHY, { root }))).toMatchObject({
    obstacle: { code: "KERNEL_REFUSED", errno: "EISDIR" },
  });
});
