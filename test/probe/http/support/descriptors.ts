import { readdirSync, readlinkSync } from "node:fs";
import { PATIENCE_MS } from "../../../kernel/support/wait-for.ts";

/** How many sockets this process has open. */
export function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => linkOf(fd).startsWith("socket:")).length;
}

/** Lets the event loop run until the condition holds; false when it does not for as long as a busy machine may take. */
export async function eventually(condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => void setImmediate(resolve));
  }
  return true;
}

// --- internal ---

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The directory's own descriptor is gone by now.
    return "";
  }
}
