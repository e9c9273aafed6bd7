import { join, resolve } from "node:path";
import { BootStalled } from "./boot-watch.ts";
import { followFile } from "./follow-file.ts";
import { guestEnvironment } from "./guest-environment.ts";
import { runGuestProcess } from "./guest-process.ts";
import { holdInterruptions } from "./interruption.ts";
import { progress } from "./progress.ts";
import { lastLines } from "./run-command.ts";
import { RunFolder } from "./run-folder.ts";

export interface GuestOptions {
  readonly command: readonly string[];
  /** In the guest, where the host's files are at their own paths. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly memoryMb?: number;
  readonly cpus?: number;
  /** Which of this machine's processors a guest keeps to that has only one, counted round from 0. */
  readonly processor?: number;
  /** Kernel modules that this guest does not have. */
  readonly withoutModules?: readonly string[];
  /** Host folders that the guest may write to; what it writes anywhere else is lost with it. */
  readonly writableFolders?: readonly string[];
  /** The command gets our terminal, and `stdout` and `stderr` nothing. */
  readonly interactive?: boolean;
  /** Where the guest's one network card is plugged in; without it the guest has none. */
  readonly plug?: Plug;
  /** What the command waits for while the guest boots; where it fails, the guest ends and the run fails with its reason. */
  readonly ready?: Promise<unknown>;
  /** Ends the guest, and the run with its reason. */
  readonly signal?: AbortSignal;
  readonly stdout?: (chunk: Uint8Array) => void;
  readonly stderr?: (chunk: Uint8Array) => void;
}

/** One end of a tap device, as `SwitchedNetwork` makes it. */
export interface Plug {
  /** A process in the network namespace that holds the tap device. */
  readonly namespacePid: number;
  readonly tap: string;
  readonly mac: string;
  /** With its prefix length; the guest's `eth0` has it before the command begins. */
  readonly address: string;
}

export interface GuestResult {
  readonly exitCode: number;
  readonly kernelLog: string;
  /** Of the machine, all of it, in seconds. */
  readonly processorS: number;
}

/** A kind of machine: fetches what it boots from, lays the run's files out, and says how it is started. */
export interface GuestMachine {
  prepare(options: GuestOptions, run: RunFolder): Promise<readonly string[]>;
}

/** Boots a guest on the host's files, runs one command in it as root, and ends it. */
export async function runInGuest(machine: GuestMachine, options: GuestOptions): Promise<GuestResult> {
  using interruption = holdInterruptions();
  await using run = await RunFolder.create();
  const argv = inNamespaceOf(options.plug, await machine.prepare(options, run));
  const followers = [
    followFile(run.stdout, options.stdout ?? ((chunk) => process.stdout.write(chunk))),
    followFile(run.stderr, options.stderr ?? ((chunk) => process.stderr.write(chunk))),
  ];
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const unready = new AbortController();
  options.ready
    ?.then(() => Bun.write(join(run.share, "ready"), "", { createPath: false }))
    .catch((error: unknown) => unready.abort(error));
  const ends = options.signal === undefined ? [] : [options.signal];
  const stop = AbortSignal.any([interruption.signal, unready.signal, timeout, ...ends]);
  let processorS: number;
  try {
    processorS = await bootUntilStarted(() =>
      runGuestProcess(argv, run, { interactive: options.interactive ?? false, stop }),
    );
  } catch (error) {
    const reason = timeout.aborted ? new Error(`the test guest ran for longer than ${options.timeoutMs} ms`) : error;
    const isWanted = interruption.signal.aborted || unready.signal.aborted || options.signal?.aborted === true;
    throw isWanted ? reason : await withKernelLog(reason, run);
  } finally {
    await Promise.all(followers.map((follower) => follower.finish()));
  }
  const exitCode = await run.exitCode();
  if (exitCode === undefined) {
    throw await withKernelLog(new Error("the test guest ended before its command did"), run);
  }
  return { exitCode, kernelLog: await run.kernelLog(), processorS };
}

/** What every machine tells its guest. */
export function guestSettings({ cwd, env, withoutModules, writableFolders, plug, command, ready }: GuestOptions) {
  return {
    command,
    cwd: resolve(cwd ?? "."),
    env: { ...guestEnvironment(), ...env },
    withoutModules: withoutModules ?? [],
    writableFolders: (writableFolders ?? []).map((path) => resolve(path)),
    waits: ready !== undefined,
    ...(plug === undefined ? {} : { address: plug.address }),
  };
}

// --- internal ---

function inNamespaceOf(plug: Plug | undefined, argv: readonly string[]): readonly string[] {
  return plug === undefined ? argv : ["nsenter", `--target=${plug.namespacePid}`, "--net", "--", ...argv];
}

async function bootUntilStarted(boot: () => Promise<number>, attempts = 3): Promise<number> {
  try {
    return await boot();
  } catch (error) {
    if (!(error instanceof BootStalled) || attempts === 1) throw error;
    progress(`${error.message}; starting it again`);
    return bootUntilStarted(boot, attempts - 1);
  }
}

async function withKernelLog(reason: unknown, run: RunFolder): Promise<Error> {
  const message = reason instanceof Error ? reason.message : String(reason);
  const log = lastLines(await run.kernelLog(), 40);
  return new Error(`${message}; the end of its kernel log:\n${log}`, { cause: reason });
}
