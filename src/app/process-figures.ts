import { readdirSync, readFileSync } from "node:fs";
import type { ProcessFigures } from "../metrics/render-metrics.ts";

/** What this process uses, as the kernel has it; undefined where `/proc` tells nothing. `mostDescriptors`: that it may open. */
export function processFigures(mostDescriptors: number | undefined): ProcessFigures | undefined {
  const { user, system } = process.cpuUsage();
  try {
    const status = readFileSync("/proc/self/status", "latin1");
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: bytesOf(status, "VmRSS"),
      virtualBytes: bytesOf(status, "VmSize"),
      // One of them is the one that lists them.
      openDescriptors: readdirSync("/proc/self/fd").length - 1,
      mostDescriptors,
      startedAtSeconds: performance.timeOrigin / 1000,
    };
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

// --- internal ---

function bytesOf(status: string, key: string): number {
  const [, kilobytes = "0"] = new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status) ?? [];
  return Number(kilobytes) * 1024;
}
