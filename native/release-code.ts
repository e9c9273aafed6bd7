import { readFileSync } from "node:fs";
import { libc } from "./libc.ts";

/**
 * Gives back to the page cache the code of this program that is in memory: a start runs most of it once, and what is
 * used again comes back by itself, page by page. Code is never written to, so nothing can be lost by that.
 */
export function releaseCode(): void {
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    const [, from = "", to = "", path] = /^([\da-f]+)-([\da-f]+) r-xp (?:\S+ ){3}\s*(.+)$/.exec(line) ?? [];
    if (path !== process.execPath) continue;
    const begin = Number.parseInt(from, 16);
    libc().madvise(begin, Number.parseInt(to, 16) - begin, MADV_DONTNEED);
  }
}

// --- internal ---

/** linux/mman.h */
const MADV_DONTNEED = 4;
