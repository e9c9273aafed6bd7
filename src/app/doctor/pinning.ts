import type { VirtualServer } from "../../domain/virtual-server.ts";

/**
 * Why all connections of this host to the virtual server reach the same real server; undefined where they are spread.
 */
export function pinning({ scheduler, flags, persistenceTimeoutS }: VirtualServer): string | undefined {
  if (flags.includes("persistent") && persistenceTimeoutS > 0) return "the virtual server is persistent";
  // With the flags sh-port and mh-port, sh and mh also use the port.
  if (BY_SOURCE.has(scheduler)) {
    return flags.includes("flag-2") ? undefined : `the scheduler ${scheduler} goes by the client's address`;
  }
  return BY_OTHERS.get(scheduler);
}

// --- internal ---

const BY_SOURCE: ReadonlySet<string> = new Set(["sh", "mh"]);

const BY_OTHERS: ReadonlyMap<string, string> = new Map([
  ["dh", "the scheduler dh goes by the virtual address"],
  ["lblc", "the scheduler lblc goes by the virtual address"],
  ["lblcr", "the scheduler lblcr goes by the virtual address"],
  ["fo", "the scheduler fo takes the heaviest one"],
  ["ovf", "the scheduler ovf takes the heaviest one until it is full"],
]);
