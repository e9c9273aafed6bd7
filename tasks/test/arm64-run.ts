import { runInArm64 } from "../../test/kernel/harness/arm64-machine.ts";
import { ToolsMissing } from "../../test/kernel/harness/tools-missing.ts";
import { buildBinaryFor } from "../build.ts";
import { bunTestArguments, countTests, reportPath } from "./bun-test.ts";
import { checkout } from "./checkout.ts";
import type { Counts } from "./counts.ts";
import { layOutDeliveries } from "./deliveries.ts";

const timeoutMs = 90 * 60_000;

/**
 * Runs kernel test files with the arm64 binary of a release, and the arm64 image, in an emulated arm64 machine. Where they are optional, a
 * host that has no such machine and cannot get one skips them.
 */
export async function runArm64Tests(
  files: readonly string[],
  reports: string,
  { optional }: { optional: boolean },
): Promise<Counts> {
  try {
    return await run(files, reports);
  } catch (error) {
    if (!(optional && error instanceof ToolsMissing)) throw error;
    process.stdout.write(`skipped: ${error.message}\n`);
    return { passed: 0, failed: 0, skipped: files.length };
  }
}

// --- internal ---

async function run(files: readonly string[], reports: string): Promise<Counts> {
  if (files.length === 0) throw new Error("only kernel tests run on arm64");
  await layOutDeliveries(await buildBinaryFor("linux-arm64"), "arm64");
  const report = reportPath(reports, "arm64");
  const write = (chunk: Uint8Array): void => void process.stdout.write(chunk);
  const { exitCode } = await runInArm64({
    command: ["bun", ...bunTestArguments(files, report)],
    cwd: checkout,
    timeoutMs,
    writableFolders: [reports],
    stdout: write,
    stderr: write,
  });
  return countTests(files, report, exitCode);
}
