import { join } from "node:path";
import { watchBoot } from "./boot-watch.ts";
import { processorSeconds } from "./processor-seconds.ts";
import type { RunFolder } from "./run-folder.ts";

/** Runs a machine until its guest powers off, and returns the seconds of processor time that it took; throws when `stop` aborts or the boot stalls. */
export async function runGuestProcess(
  argv: readonly string[],
  run: RunFolder,
  { interactive, stop }: { interactive: boolean; stop: AbortSignal },
): Promise<number> {
  stop.throwIfAborted();
  const log = Bun.file(join(run.path, "machine.log"));
  // The parent-death signal covers the one end of ours that we cannot handle.
  const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...argv], {
    stdin: interactive ? "inherit" : "ignore",
    stdout: interactive ? "inherit" : log,
    stderr: log,
  });
  let failure: unknown;
  const end = (reason: unknown): void => {
    failure ??= reason;
    child.kill("SIGKILL");
  };
  const onStop = (): void => end(stop.reason);
  stop.addEventListener("abort", onStop);
  using _watch = watchBoot(run, end);
  const code = await child.exited;
  stop.removeEventListener("abort", onStop);
  if (failure !== undefined) throw failure;
  if (code !== 0) throw new Error(`${argv[0]} failed with exit code ${code}: ${await run.machineLog()}`);
  return processorSeconds(child);
}
