import { accessSync, constants, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, LvscareError } from "../domain/errors.ts";
import type { Foresight, HostObject } from "./host-object.ts";
import { HostView } from "./host-view.ts";

export interface SysctlHost {
  /** Where the files of the settings are. */
  readonly root?: string;
  readonly view?: HostView;
  readonly tolerates?: HostObject["tolerates"];
}

/**
 * A kernel setting, by its path below /proc/sys, such as `net/ipv4/vs/conntrack`. For a setting that this kernel does
 * not have, NOT_SUPPORTED.
 *
 * `remove` leaves the value: other programs may have come to rely on it, which nothing records, and the value before
 * may have been wrong for long.
 */
export function sysctl(
  name: string,
  wanted: string,
  why: string,
  { root = "/proc/sys", view = new HostView(), tolerates = [] }: SysctlHost = {},
): HostObject {
  const path = join(root, name);

  const read = (): string | undefined => {
    try {
      return view.setting(path);
    } catch (error) {
      throw refused(error, `read ${name}`);
    }
  };

  const operation = `set ${name} to ${wanted}, so that ${why}`;
  const deviationOf = (value: string | undefined): string | undefined => {
    if (value === undefined) return "absent";
    return value === wanted ? undefined : `is ${value}`;
  };
  const absent = (): LvscareError =>
    new LvscareError("NOT_SUPPORTED", "this kernel has no such setting", { operation });

  return {
    name: `sysctl ${name}=${wanted}`,
    tolerates,
    isHeardOf: true,
    inspect: async () => deviationOf(read()),
    async foresee(): Promise<Foresight> {
      const deviation = deviationOf(read());
      if (deviation === undefined) return { deviation };
      if (deviation === "absent") return { deviation, obstacle: absent() };
      try {
        accessSync(path, constants.W_OK);
        return { deviation };
      } catch (error) {
        return { deviation, obstacle: refused(error, operation) };
      }
    },
    async establish() {
      const value = read();
      if (value === wanted) return false;
      if (value === undefined) throw absent();
      try {
        writeFileSync(path, wanted, { flag: "r+" });
        view.wroteSetting(path, wanted);
        return undefined;
      } catch (error) {
        throw refused(error, operation);
      }
    },
    remove: () => Promise.resolve(false),
    isRemovable: () => Promise.resolve(false),
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
