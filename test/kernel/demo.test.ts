import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableOf } from "./support/ipvs-table.ts";
import { Namespace } from "./support/namespace.ts";

requireTestKernel();
setDefaultTimeout(120_000);

test("the demonstration goes through the kernel where there is IPVS, and leaves nothing in it", async () => {
  await using namespace = await Namespace.create();
  const demo = await namespace.run([process.execPath, join(import.meta.dir, "../../tasks/demo.ts")]);
  expect(demo).toEqual({
    exitCode: 0,
    stdout: expect.stringContaining("\nIPVS in the kernel moved the packets.\n") as string,
    stderr: "",
  });
  expect(demo.stdout.match(/12 requests: .*/g)).toEqual([
    "12 requests: echo-1 4, echo-2 4, echo-3 4",
    "12 requests: echo-1 6, echo-3 6",
    "12 requests: echo-1 4, echo-2 4, echo-3 4",
  ]);
  expect(tableOf(namespace)).toEqual({});
});
