import { closeFd, libc } from "./libc.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } from "./socket-constants.ts";

/**
 * How many descriptors this process may have, after raising its soft limit to the hard limit. Undefined where the
 * kernel does not say.
 */
export function descriptorLimit(): number | undefined {
  const { getrlimit, setrlimit } = libc();
  const limit = new BigUint64Array(new ArrayBuffer(16));
  if (getrlimit(RLIMIT_NOFILE, limit) < 0) return undefined;
  const [soft = 0n, hard = 0n] = limit;
  if (soft >= hard) return Number(hard);
  limit[0] = hard;
  return Number(setrlimit(RLIMIT_NOFILE, limit) < 0 ? soft : hard);
}

/** Whether this process and this host have that many more descriptors free now. */
export function hasDescriptors(count: number): boolean {
  const taken: number[] = [];
  try {
    while (taken.length < count) {
      // A copy of a descriptor only shows that this process has one left; a new file shows that the host has one too.
      const fd = taken[0] === undefined ? libc().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : duplicate(taken[0]);
      if (fd < 0) return false;
      taken.push(fd);
    }
    return true;
  } finally {
    for (const fd of taken) closeFd(fd);
  }
}

/** Another descriptor for the same file; negative when none is free. */
export function duplicate(fd: number): number {
  return libc().fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

// --- internal ---

const RLIMIT_NOFILE = 7;
const F_DUPFD_CLOEXEC = 1030;
