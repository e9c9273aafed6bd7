import { rename } from "node:fs/promises";
import { runCommand } from "./run-command.ts";

/**
 * Takes a kernel module away until disposal, for a test of a kernel that lacks it. Only in the VM, whose
 * /lib/modules is a copy; it throws where the module is in use, which `runInVm({ withoutModules })` avoids.
 */
export async function hideModule(name: string): Promise<AsyncDisposable> {
  if (process.env["LVSCARE_VM"] !== "1") throw new Error("modules are hidden only in the test VM");
  const file = (await runCommand(["modinfo", "-n", name], { timeoutMs: 10_000 })).trim();
  await runCommand(["modprobe", "--remove", name], { timeoutMs: 10_000 });
  const hidden = `${file}.hidden`;
  await rename(file, hidden);
  return { [Symbol.asyncDispose]: () => rename(hidden, file) };
}
