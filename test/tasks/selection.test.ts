import { expect, test } from "bun:test";
import { selectionFrom } from "../../tasks/test/selection.ts";

test("arm64 alone is what every binary has to do, in the lab of that name; with files it is those", async () => {
  const usual = await selectionFrom(["arm64"]);
  expect(usual).toMatchObject({ lab: "qemu-arm64", staticSteps: false, isWhole: false });
  expect(usual.kernelFiles).toHaveLength(4);
  expect((await selectionFrom([])).lab).toBeUndefined();
  expect(await selectionFrom(["arm64", "test/kernel/repair.test.ts"])).toMatchObject({
    lab: "qemu-arm64",
    kernelFiles: ["test/kernel/repair.test.ts"],
  });
});

test("each kind has its own files, and everything has them all", async () => {
  const all = await selectionFrom([]);
  expect(all).toMatchObject({ isWhole: true, staticSteps: true });
  expect(all.kernelFiles).toContain("test/kernel/guide.test.ts");
  expect(all.nodeFiles).toContain("test/node/silent-host.test.ts");
  expect(all.unitFiles).toContain("test/tasks/selection.test.ts");
  expect(await selectionFrom(["kernel"])).toMatchObject({ kernelFiles: all.kernelFiles, isWhole: false });
  expect(await selectionFrom(["kernel"])).not.toHaveProperty("unitFiles");
});

test("of a cluster there are all files for whoever asks, and in everything those of a minute, where nothing has to be built", async () => {
  const built = await selectionFrom([], () => Promise.resolve(true));
  expect(built.clusterFiles).toEqual(["test/cluster/checks.test.ts"]);
  expect(await selectionFrom([], () => Promise.resolve(false))).not.toHaveProperty("clusterFiles");
  const { clusterFiles } = await selectionFrom(["cluster"]);
  expect(clusterFiles).toContain("test/cluster/members.test.ts");
  expect(clusterFiles).toContain("test/cluster/checks.test.ts");
});
