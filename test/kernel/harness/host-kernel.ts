import { access } from "node:fs/promises";
import { DIST } from "./guest-environment.ts";
import type { GuestOptions, GuestResult } from "./guest.ts";
import { processorSeconds } from "./processor-seconds.ts";
import { runCommand } from "./run-command.ts";

/** IPVS with schedulers, what is used around it, and what the tests build their networks from. */
const neededModules = [
  "ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_sh ip_vs_mh",
  "nf_tables nf_conntrack xt_ipvs ip_set",
  "veth dummy sch_netem",
].flatMap((line) => line.split(" "));

/** Whether the tests can do without a guest: we are root, and this kernel has all that they use. */
export async function hostKernelWillDo(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const present = await Promise.all(neededModules.map(hasModule));
  return present.every(Boolean) && (await succeeds(["unshare", "--net", "true"]));
}

/** Runs a command in a network namespace of its own on this machine's kernel; of a guest's options, those that make the machine mean nothing here. */
export async function runOnHost(options: GuestOptions): Promise<GuestResult> {
  await options.ready;
  const namespace = `lvscare-tests-${process.pid}`;
  await runCommand(["ip", "netns", "add", namespace], { timeoutMs: 10_000 });
  try {
    await runCommand(["ip", "-n", namespace, "link", "set", "lo", "up"], { timeoutMs: 10_000 });
    const child = Bun.spawn(["ip", "netns", "exec", namespace, ...options.command], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, PATH: `${DIST}:${process.env["PATH"] ?? ""}`, ...options.env },
      stdin: options.interactive ? "inherit" : "ignore",
      stdout: options.interactive ? "inherit" : "pipe",
      stderr: options.interactive ? "inherit" : "pipe",
      timeout: options.timeoutMs,
    });
    const { stdout, stderr } = options;
    await Promise.all([
      pass(child.stdout, stdout ?? ((chunk) => process.stdout.write(chunk))),
      pass(child.stderr, stderr ?? ((chunk) => process.stderr.write(chunk))),
      child.exited,
    ]);
    return { exitCode: child.exitCode ?? 1, kernelLog: "", processorS: processorSeconds(child) };
  } finally {
    await runCommand(["ip", "netns", "delete", namespace], { timeoutMs: 10_000 });
  }
}

async function pass(from: ReadableStream<Uint8Array> | undefined, to: (chunk: Uint8Array) => void): Promise<void> {
  for await (const chunk of from ?? []) to(chunk);
}

async function hasModule(name: string): Promise<boolean> {
  const loaded = await access(`/sys/module/${name}`).then(
    () => true,
    () => false,
  );
  return loaded || succeeds(["modprobe", "--dry-run", "--quiet", name]);
}

async function succeeds(argv: readonly string[]): Promise<boolean> {
  return runCommand(argv, { timeoutMs: 10_000 }).then(
    () => true,
    () => false,
  );
}
