import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";

/**
 * Whether a part of the kernel may be in it now, as a module or built in: to ask one that is not would load it. True
 * where that is not known.
 */
export function mayBeInKernel(name: string, sys = "/sys", modules = `/lib/modules/${release()}`): boolean {
  if (existsSync(`${sys}/module/${name}`)) return true;
  try {
    return readFileSync(`${modules}/modules.builtin`, "utf8").includes(`/${name}.ko`);
  } catch {
    // Containers seldom have the list.
    return true;
  }
}
