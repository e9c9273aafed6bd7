import { readFileSync } from "node:fs";
import { addressBytes, parseEndpoint } from "../../src/domain/endpoint.ts";

/**
 * Weights by real server of the one virtual server that there is, read from the kernel's own text: what watches must not take the
 * processors from those that are watched.
 */
export function tableReader(): () => ReadonlyMap<string, number> {
  return () => {
    const rows = readFileSync("/proc/net/ip_vs", "latin1").matchAll(/-> ([0-9A-F]{8}):([0-9A-F]{4}) +\w+ +(\d+)/g);
    return new Map(Array.from(rows, ([, address = "", port = "", weight]) => [`${address}:${port}`, Number(weight)]));
  };
}

/** Whether the kernel has a virtual server, whichever that is. */
export function hasVirtualServer(): boolean {
  return /^(TCP|UDP|FWM) /m.test(readFileSync("/proc/net/ip_vs", "latin1"));
}

/** What the kernel's text calls `10.0.1.2:80`: `0A000102:0050`. */
export function kernelName(server: string): string {
  const { address, port } = parseEndpoint(server);
  return `${addressBytes(address).toHex().toUpperCase()}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Milliseconds until the table is so. */
export async function timeUntil<Table>(
  read: () => Table,
  isSo: (table: Table) => boolean,
  timeoutMs = 60_000,
): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    const lookedMs = performance.now();
    if (isSo(read())) return performance.now() - startedMs;
    if (lookedMs - startedMs > timeoutMs) throw new Error(`still not so after ${timeoutMs} ms`);
    // A large table takes long to look at, and the processors that are wanted elsewhere.
    await Bun.sleep(Math.max(LOOK_MS, 2 * (performance.now() - lookedMs)));
  }
}

// --- internal ---

const LOOK_MS = 4;
