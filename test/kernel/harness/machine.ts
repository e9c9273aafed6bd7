import { availableParallelism, totalmem } from "node:os";
import { resolve } from "node:path";
import { BootStalled } from "./boot-watch.ts";
import { followFile } from "./follow-file.ts";
import { guestEnvironment } from "./guest-environment.ts";
import { writeGuestSettings } from "./guest-settings.ts";
import { initramfs } from "./initramfs.ts";
import { holdInterruptions } from "./interruption.ts";
import { kernelImage } from "./kernel-image.ts";
import { progress } from "./progress.ts";
import { qemuArguments, terminalDevice } from "./qemu-arguments.ts";
import { runQemu } from "./qemu-process.ts";
import { lastLines } from "./run-command.ts";
import { RunFolder } from "./run-folder.ts";

export type VmOptions = {
  command: readonly string[];
  /** In the guest, where the host's files are at their own paths. */
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  timeoutMs: number;
  memoryMb?: number;
  cpus?: number;
  /** Kernel modules that this guest does not have. */
  withoutModules?: readonly string[];
  /** Host folders that the guest may write to; what it writes anywhere else is lost with it. */
  writableFolders?: readonly string[];
  /** The command gets our terminal, and `stdout` and `stderr` nothing. */
  interactive?: boolean;
  stdout?: (chunk: Uint8Array) => void;
  stderr?: (chunk: Uint8Array) => void;
};

export type VmResult = { exitCode: number; kernelLog: string };

/** Boots a guest on the host's files, runs one command in it as root, and ends it. */
export function runInVm(options: VmOptions): Promise<VmResult> {
  return runMachine(options, prepare);
}

/** The life of a guest of any kind; `prepare` fills the run's folder and returns the command line of its emulator. */
export async function runMachine<Options extends VmOptions>(
  options: Options,
  prepare: (options: Options, run: RunFolder) => Promise<string[]>,
): Promise<VmResult> {
  using interruption = holdInterruptions();
  await using run = await RunFolder.create();
  const argv = await prepare(options, run);
  const followers = [
    followFile(run.stdout, options.stdout ?? ((chunk) => process.stdout.write(chunk))),
    followFile(run.stderr, options.stderr ?? ((chunk) => process.stderr.write(chunk))),
  ];
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const stop = AbortSignal.any([interruption.signal, timeout]);
  try {
    await bootUntilStarted(() => runQemu(argv, run, { interactive: options.interactive ?? false, stop }));
  } catch (error) {
    const reason = timeout.aborted ? new Error(`the test VM ran for longer than ${options.timeoutMs} ms`) : error;
    throw interruption.signal.aborted ? reason : await withKernelLog(reason, run);
  } finally {
    await Promise.all(followers.map((follower) => follower.finish()));
  }
  const exitCode = await run.exitCode();
  if (exitCode === undefined) {
    throw await withKernelLog(new Error("the test VM ended before its command did"), run);
  }
  return { exitCode, kernelLog: await run.kernelLog() };
}

async function bootUntilStarted(boot: () => Promise<void>, attempts = 3): Promise<void> {
  try {
    await boot();
  } catch (error) {
    if (!(error instanceof BootStalled) || attempts === 1) throw error;
    progress(`${error.message}; starting it again`);
    await bootUntilStarted(boot, attempts - 1);
  }
}

async function prepare(options: VmOptions, run: RunFolder): Promise<string[]> {
  const kernel = await kernelImage();
  const writableFolders = (options.writableFolders ?? []).map((path) => resolve(path));
  await writeGuestSettings(run.share, {
    command: options.command,
    cwd: resolve(options.cwd ?? "."),
    env: { ...guestEnvironment(), ...options.env },
    modules: kernel.modules,
    withoutModules: options.withoutModules ?? [],
    writableFolders,
    ...(options.interactive ? { terminal: terminalDevice } : {}),
  });
  return qemuArguments({
    kernel,
    initramfs: await initramfs(kernel),
    memoryMb: options.memoryMb ?? Math.min(4096, Math.floor(totalmem() / 2 ** 21)),
    cpus: options.cpus ?? Math.min(4, availableParallelism()),
    folder: run.path,
    writableFolders,
    interactive: options.interactive ?? false,
  });
}

async function withKernelLog(reason: unknown, run: RunFolder): Promise<Error> {
  const message = reason instanceof Error ? reason.message : String(reason);
  const log = lastLines(await run.kernelLog(), 40);
  return new Error(`${message}; the end of its kernel log:\n${log}`, { cause: reason });
}
