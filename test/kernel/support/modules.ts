import { rm } from "node:fs/promises";
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

/** Until disposed of, nobody can load this module, not even the kernel for itself. */
export async function modprobeRefuses(module: string): Promise<AsyncDisposable> {
  const path = "/etc/modprobe.d/refused-by-a-test.conf";
  await Bun.write(path, `install ${module} /bin/false\n`);
  return { [Symbol.asyncDispose]: () => rm(path) };
}

// --- internal ---

function run(...argv: readonly string[]): { readonly exitCode: number; readonly stdout: string } {
  const { exitCode, stdout } = Bun.spawnSync([...argv], { stderr: "ignore" });
  return { exitCode, stdout: stdout.toString() };
}
