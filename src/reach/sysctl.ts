import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, LvscareError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { HostObject } from "./host-object.ts";

export interface SysctlHost {
  /** Where the files of the settings are. */
  readonly root?: string;
  /** Hears, once, at DEBUG, of a setting that this kernel does not have. */
  readonly logger?: Pick<Logger, "debug">;
}

/**
 * A kernel setting, by its path below /proc/sys, such as `net/ipv4/vs/conntrack`. One that this kernel does not have is left at that.
 *
 * `remove` leaves the value: others may have come to count on it, nobody keeps account of who they are, and what it was before may
 * long be wrong.
 */
export function sysctl(
  name: string,
  wanted: string,
  why: string,
  { root = "/proc/sys", logger }: SysctlHost = {},
): HostObject {
  const path = join(root, name);
  let toldMissing = false;

  // Not by promises: these files are the kernel's memory, and what makes promises of files takes a millisecond of every start to load.
  const read = (): string | undefined => {
    try {
      return readFileSync(path, "utf8").trim();
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw refused(error, `read ${name}`);
      if (!toldMissing) logger?.debug(`this kernel has no ${name}; it would be set to ${wanted}: ${why}`);
      toldMissing = true;
      return undefined;
    }
  };

  return {
    name: `sysctl ${name}=${wanted}`,
    async inspect() {
      const value = read();
      return value === undefined || value === wanted ? undefined : `is ${value}`;
    },
    async establish() {
      const value = read();
      if (value === undefined || value === wanted) return;
      try {
        writeFileSync(path, wanted, { flag: "r+" });
      } catch (error) {
        throw refused(error, `set ${name} to ${wanted}, so that ${why}`);
      }
    },
    remove: () => Promise.resolve(false),
  };
}

// --- internal ---

/** Containers that are not privileged see /proc/sys read-only. */
const UNWRITABLE = ["EROFS", "EACCES", "EPERM"];

function refused(error: unknown, operation: string): LvscareError {
  const errno = errnoOf(error) ?? "an unknown error";
  if (!UNWRITABLE.includes(errno)) {
    return new LvscareError("KERNEL_REFUSED", `the kernel refused with ${errno}`, { operation, errno, cause: error });
  }
  return new LvscareError("NOT_PERMITTED", `this process may not (${errno})`, {
    operation,
    errno,
    remedy: "run as root, in a container with --privileged; or set it on the host and run with --sysctls keep",
    cause: error,
  });
}
