import { readdirSync, readFileSync } from "node:fs";

/** A process with all its children: keepalived has two. */
export function family(pid: number): number[] {
  const text = readOrNothing(`/proc/${pid}/task/${pid}/children`);
  return [
    pid,
    ...text
      .trim()
      .split(" ")
      .filter(Boolean)
      .flatMap((child) => family(Number(child))),
  ];
}

/** Milliseconds of processor time so far. */
export function processorMs(pid: number): number {
  return family(pid).reduce((sum, one) => {
    const fields = readOrNothing(`/proc/${one}/stat`).split(") ")[1]?.split(" ") ?? [];
    // utime and stime in ticks of 10 ms (proc(5)).
    return sum + 10 * (Number(fields[11] ?? 0) + Number(fields[12] ?? 0));
  }, 0);
}

/** Of one process and of its children that ended and were waited for. */
export function spentMs(pid: number): number {
  const fields = readOrNothing(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return 10 * [11, 12, 13, 14].reduce((ticks, at) => ticks + Number(fields[at] ?? 0), 0);
}

export interface Memory {
  readonly residentMb: number;
  /** What the processes share with nobody and have written: what the node would get back. */
  readonly privateMb: number;
}

export function memory(pid: number): Memory {
  const sum = (field: string): number =>
    family(pid).reduce((kb, one) => {
      const text = readOrNothing(`/proc/${one}/smaps_rollup`);
      return kb + Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
    }, 0) / 1024;
  return { residentMb: sum("Rss"), privateMb: sum("Private_Dirty") };
}

/** Voluntary and involuntary, of all threads that there are now. */
export function contextSwitches(pid: number): number {
  const counts = family(pid).flatMap((one) =>
    threads(one).flatMap((thread) => {
      const numbers = readOrNothing(`/proc/${one}/task/${thread}/status`).matchAll(/ctxt_switches:\s+(\d+)/g);
      return Array.from(numbers, ([, count]) => Number(count));
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

// --- internal ---

function threads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It has ended meanwhile.
    return "";
  }
}
