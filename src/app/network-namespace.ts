import { readdirSync, readlinkSync } from "node:fs";

/** The number of the network namespace that this process is in, which no other has while it lasts: `4026531840`. */
export function networkNamespace(): string {
  return namespaceOf("self") ?? "";
}

/** A process in that network namespace, by which it can be entered; undefined where none is visible from here. */
export function processIn(namespace: string): number | undefined {
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && namespaceOf(name) === namespace);
  return pid === undefined ? undefined : Number(pid);
}

// --- internal ---

function namespaceOf(process: string): string | undefined {
  try {
    return /\d+/.exec(readlinkSync(`/proc/${process}/ns/net`))?.[0];
  } catch {
    // It ended meanwhile, or is not ours to look at.
    return undefined;
  }
}
