import { readFileSync } from "node:fs";
import { waitFor } from "../kernel/support/wait-for.ts";

/** Waits for two seconds in which a process takes less than a twentieth of one processor. */
export async function untilAtRest(pid: number): Promise<void> {
  let beforeMs = Number.NEGATIVE_INFINITY;
  await waitFor(
    () => {
      const nowMs = processorMs(pid);
      const spentMs = nowMs - beforeMs;
      beforeMs = nowMs;
      return spentMs;
    },
    (spentMs) => spentMs < WINDOW_MS / 20,
    { everyMs: WINDOW_MS },
  );
}

// --- internal ---

const WINDOW_MS = 2000;

/** Processor time so far. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  // utime and stime in ticks of 10 ms (proc(5)).
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
