import { constants } from "node:os";
import { kernelRefused } from "./kernel-refused.ts";
import { errno, libc } from "./libc.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Locks an open file until it is closed, without waiting (flock(2)); false when another process has locked it. Throws
 * FILE_FAILED.
 */
export function lockFile(fd: number, kind: "exclusive" | "shared" = "exclusive"): boolean {
  if (libc().flock(fd, (kind === "shared" ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0) return true;
  const code = errno();
  if (code === constants.errno.EWOULDBLOCK) return false;
  throw kernelRefused(code, "lock a file", "FILE_FAILED");
}
