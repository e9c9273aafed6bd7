import { availableParallelism, totalmem } from "node:os";
import { runInVm } from "../../test/kernel/harness/machine.ts";
import { hostKernelWillDo, runOnHost } from "../../test/kernel/harness/host-kernel.ts";
import { buildBinary } from "../build.ts";
import { bunTestArguments, countTests, reportPath } from "./bun-test.ts";
import { checkout } from "./checkout.ts";
import { type Counts, sum } from "./counts.ts";
import { layOutDeliveries } from "./deliveries.ts";
import { HeldOutput } from "./held-output.ts";
import { shardsOf } from "./shards.ts";

const timeoutMs = 30 * 60_000;

/** Starts the kernel tests, and prints nothing until asked for the result. */
export async function startKernelTests(files: readonly string[], reports: string): Promise<() => Promise<Counts>> {
  if (files.length === 0) throw new Error("there are no kernel tests");
  // They run what users run; a stale binary would test yesterday's code.
  await layOutDeliveries(await buildBinary());
  const onHost = await useHostKernel();
  const shards = onHost ? [files] : shardsOf(files, shardCount());
  const runs = shards.map((shard, index) => {
    const output = new HeldOutput();
    const report = reportPath(reports, `kernel-${index}`);
    const command = [process.execPath, ...bunTestArguments(shard, report)];
    const run = { command, cwd: checkout, timeoutMs, stdout: output.write, stderr: output.write };
    const ended = onHost
      ? runOnHost(run)
      : runInVm({ ...run, ...shareOfMachine(shards.length), writableFolders: [reports] });
    // Not yet awaited, so a failure must not count as unhandled meanwhile.
    ended.catch(() => {});
    return { shard, report, output, ended };
  });
  return async () => {
    process.stdout.write(onHost ? "on this machine's kernel\n" : `in ${shards.length} VM(s)\n`);
    const counts: Counts[] = [];
    for (const { shard, report, output, ended } of runs) {
      output.release();
      const exitCode = await ended.then(
        (result) => result.exitCode,
        (error: unknown) => {
          process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
          return 1;
        },
      );
      counts.push(await countTests(shard, report, exitCode));
    }
    return sum(counts);
  };
}

async function useHostKernel(): Promise<boolean> {
  const wanted = process.env["LVSCARE_KERNEL"];
  if (wanted === "vm") return false;
  if (wanted === "host") return true;
  if (wanted !== undefined) throw new Error(`LVSCARE_KERNEL is "vm" or "host", not "${wanted}"`);
  return hostKernelWillDo();
}

function shardCount(): number {
  const wanted = process.env["LVSCARE_KERNEL_SHARDS"];
  if (wanted === undefined) return availableParallelism() >= 4 ? 2 : 1;
  const count = Number(wanted);
  if (!Number.isInteger(count) || count < 1) {
    throw new Error(`LVSCARE_KERNEL_SHARDS is a positive whole number, not "${wanted}"`);
  }
  return count;
}

/** Two processors at least: a guest with one would hide races. */
function shareOfMachine(machines: number): { cpus: number; memoryMb: number } {
  const cpus = Math.floor(availableParallelism() / machines);
  const memoryMb = Math.floor(totalmem() / 2 ** 20 / 2 / machines);
  return { cpus: Math.min(4, Math.max(2, cpus)), memoryMb: Math.min(4096, memoryMb) };
}
