import { join } from "node:path";
import { runInLab } from "../test/kernel/harness/labs.ts";
import { buildBinary } from "./build.ts";
import { setUp } from "./setup.ts";
import { checkout } from "./test/checkout.ts";

/**
 * `bun run recording`: the first page is followed on a real kernel, in user-mode Linux, and gets what the program
 * showed there; `bun run readme` makes a picture of that.
 */
await setUp();
await buildBinary();
const { exitCode } = await runInLab("uml", {
  command: ["bun", "tasks/docs/follow-page.ts", join(checkout, "docs/getting-started.md")],
  cwd: checkout,
  timeoutMs: 300_000,
  writableFolders: [join(checkout, "docs")],
});
process.exitCode = exitCode;
