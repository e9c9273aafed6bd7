import { readFile, rm } from "node:fs/promises";
import type { Namespace } from "./namespace.ts";
import { waitFor } from "./wait-for.ts";

/** Takes IPVS and its schedulers out of the kernel, and all virtual servers of this namespace with them. */
export async function unloadIpvs(): Promise<void> {
  run("ipvsadm", "-C");
  // Namespaces of earlier tests may hold the modules a while longer.
  await waitFor(
    () => {
      const schedulers = run("lsmod").stdout.match(/^ip_vs_\w+/gm) ?? [];
      if (schedulers.length > 0) run("rmmod", ...schedulers);
      run("rmmod", "ip_vs");
      return run("lsmod").stdout.match(/^ip_vs\w*/gm) ?? [];
    },
    (loaded) => loaded.length === 0,
  );
}

/**
 * Stops a daemon, but not while it reads a table: whoever has begun to read one and does not go on holds the module
 * (`netlink_dump_start`).
 */
export async function haltBetweenReads(namespace: Namespace, pid: number): Promise<void> {
  await waitFor(
    async () => {
      process.kill(pid, "SIGSTOP");
      await waitFor(
        () => readFile(`/proc/${pid}/stat`, "latin1"),
        (stat) => /\) T /.test(stat),
      );
      const sockets = await namespace.exec("cat", "/proc/net/netlink");
      const isReading = sockets.split("\n").some(isGenericDump);
      if (isReading) process.kill(pid, "SIGCONT");
      return isReading;
    },
    (isReading) => !isReading,
  );
}

/** Until disposed of, nobody can load this module, not even the kernel for itself. */
export async function modprobeRefuses(module: string): Promise<AsyncDisposable> {
  const path = "/etc/modprobe.d/refused-by-a-test.conf";
  await Bun.write(path, `install ${module} /bin/false\n`);
  return { [Symbol.asyncDispose]: () => rm(path) };
}

// --- internal ---

/** NETLINK_GENERIC (linux/netlink.h), the protocol that IPVS speaks. */
const GENERIC = "16";

/** Of a line of `/proc/net/netlink`: its columns are sk, Eth, Pid, Groups, Rmem, Wmem, Dump, … */
function isGenericDump(line: string): boolean {
  const [, protocol, , , , , dump] = line.trim().split(/\s+/);
  return protocol === GENERIC && dump !== "0";
}

function run(...argv: readonly string[]): { readonly exitCode: number; readonly stdout: string } {
  const { exitCode, stdout } = Bun.spawnSync([...argv], { stderr: "ignore" });
  return { exitCode, stdout: stdout.toString() };
}
