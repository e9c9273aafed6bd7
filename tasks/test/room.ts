import { availableParallelism, freemem } from "node:os";
import { UML_MEMORY_MB } from "../../test/kernel/harness/uml.ts";
import type { KernelJob } from "./kernel-plan.ts";
import type { Resources } from "./queue.ts";

/** What steps that run side by side may take of this machine. More than its processors: all of them wait now and then. */
export function roomForSteps(): Resources {
  const guests = guestsWanted();
  return {
    processors: 1.4 * availableParallelism(),
    memoryMb: (freemem() / 2 ** 20) * 0.8,
    ...(guests === undefined ? {} : { guests }),
  };
}

/**
 * Of a guest of user-mode Linux, whose daemons wait for their checks, and of an emulated one, which waits for little. Where somebody says how
 * many of the former there are to be, nothing else counts.
 */
export function takenByGuest({ lab, processors }: KernelJob): Resources {
  if (lab !== "uml") return { processors: 0.9 * processors, memoryMb: EMULATED_MEMORY_MB };
  return guestsWanted() === undefined ? { processors: 0.45, memoryMb: UML_MEMORY_MB } : { guests: 1 };
}

// --- internal ---

/** What an emulated guest comes to use, of the more that it may. */
const EMULATED_MEMORY_MB = 2048;

/** How many guests of user-mode Linux are to run side by side, where somebody says so. */
function guestsWanted(): number | undefined {
  const wanted = process.env["LVSCARE_KERNEL_GUESTS"];
  if (wanted === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(wanted)) throw new Error(`LVSCARE_KERNEL_GUESTS is a positive whole number, not "${wanted}"`);
  return Number(wanted);
}
