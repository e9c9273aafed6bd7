import { expect, test } from "bun:test";
import { selectionFrom } from "../../tasks/test/selection.ts";

test("arm64 alone is what every binary has to do, as it is in everything; with files it is those", async () => {
  const usual = await selectionFrom(["arm64"]);
  expect(usual).toEqual({ staticSteps: false, arm64Files: expect.arrayContaining(["test/kernel/guide.test.ts"]) });
  expect(await selectionFrom([])).toMatchObject({ staticSteps: true, arm64Files: usual.arm64Files });
  expect(await selectionFrom(["test/kernel/guide.test.ts"])).not.toHaveProperty("arm64Files");
  expect(await selectionFrom(["arm64", "test/kernel/repair.test.ts"])).toEqual({
    staticSteps: false,
    arm64Files: ["test/kernel/repair.test.ts"],
  });
});

test("every file that arm64 runs by itself is there", async () => {
  const { arm64Files = [] } = await selectionFrom(["arm64"]);
  expect(await Promise.all(arm64Files.map((file) => Bun.file(file).exists()))).toEqual(arm64Files.map(() => true));
});
