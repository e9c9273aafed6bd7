import { rename } from "node:fs/promises";
import { currentOffers } from "./labs.ts";
import { runCommand } from "./run-command.ts";

/**
 * Takes a kernel module away until disposal, for a test of a kernel that lacks it. Only in a guest, whose
 * /lib/modules is a copy; it throws where the module is in use, which `runInGuest({ withoutModules })` avoids.
 */
export async function hideModule(name: string): Promise<AsyncDisposable> {
  if (!currentOffers().ownModules) throw new Error("modules are hidden only in the test guest");
  const file = (await runCommand(["modinfo", "-n", name], { timeoutMs: 10_000 })).trim();
  await runCommand(["modprobe", "--remove", name], { timeoutMs: 10_000 });
  const hidden = `${file}.hidden`;
  await rename(file, hidden);
  return { [Symbol.asyncDispose]: () => rename(hidden, file) };
}
