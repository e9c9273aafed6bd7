import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { errnoOf } from "../../domain/errors.ts";
import { moduleMissing, schedulerMissing } from "./ipvs-errors.ts";

/** What the first use of IPVS would meet. */
export interface IpvsOutlook {
  /** It is in the kernel, with its table. Where it is not, there is no virtual server, and the first use loads it. */
  readonly isLoaded: boolean;
  /** What cannot be known without trying it out, for people. */
  readonly doubts: readonly string[];
}

/** Where the kernel tells of its modules. */
export interface ModuleFolders {
  readonly proc: string;
  readonly sys: string;
  /** Of the running kernel. */
  readonly modules: string;
}

/**
 * What a virtual server with this scheduler would meet, found out by reading files alone: even a question to IPVS
 * would have the kernel load it. Throws MODULE_MISSING or
 * SCHEDULER_MISSING.
 */
export function ipvsOutlook(scheduler: string, folders: ModuleFolders = thisKernel()): IpvsOutlook {
  const [core, ofScheduler] = [stateOf("ip_vs", folders), stateOf(`ip_vs_${scheduler}`, folders)];
  const isLoaded = isIpvsLoaded(folders);
  if (core === "missing" && !isLoaded) throw moduleMissing({ errno: "ENOENT" });
  if (ofScheduler === "missing") throw schedulerMissing(scheduler, { operation: `use the scheduler ${scheduler}` });
  const where = `the list of its modules, ${folders.modules}/modules.dep, is not here`;
  const isInDoubt = !isLoaded && core === "unknown";
  return {
    isLoaded,
    doubts: isInDoubt
      ? [`whether this kernel has IPVS is not known: it is not loaded, and ${where}`]
      : ofScheduler === "unknown"
        ? [`whether this kernel has the scheduler ${scheduler} is not known: ${where}`]
        : [],
  };
}

/** Whether IPVS is in the kernel, so that looking at its table changes nothing. */
export function isIpvsLoaded({ proc }: Pick<ModuleFolders, "proc"> = thisKernel()): boolean {
  return existsSync(`${proc}/net/ip_vs`);
}

// --- internal ---

function thisKernel(): ModuleFolders {
  return { proc: "/proc", sys: "/sys", modules: `/lib/modules/${release()}` };
}

function stateOf(name: string, { sys, modules }: ModuleFolders): "there" | "missing" | "unknown" {
  if (existsSync(`${sys}/module/${name}`)) return "there";
  const lists = ["modules.dep", "modules.builtin"].map((list) => read(`${modules}/${list}`));
  if (new RegExp(`(?:^|/)${name}\\.ko`, "m").test(lists.join("\n"))) return "there";
  return lists[0] === undefined ? "unknown" : "missing";
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
