import { constants } from "node:os";
import type { LvscareError } from "../src/domain/errors.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { closeFd, errno, libc } from "./libc.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, SO_PEERCRED } from "./socket-constants.ts";
import { int } from "./socket-options.ts";

/** `sizeof(sun_path)` in linux/un.h. */
const PATH_BYTES = 108;

/** The credentials that the kernel noted at listen(). `pid` 0: in a pid namespace that we do not see. */
export interface Listener {
  readonly pid: number;
  readonly uid: number;
}

/**
 * The listener at a unix socket, looked up without waiting; a zero byte in front makes the name abstract. `nobody`:
 * nothing is there, or a socket whose owner is gone. `unknown`: there is a listener, but not which one, because the
 * queue is full or we may not ask.
 */
export function listenerAt(name: string): Listener | "nobody" | "unknown" {
  const address = unixAddress(name);
  const fd = unixStreamSocket(name);
  try {
    const { connect, getsockopt } = libc();
    if (connect(fd, address, address.byteLength) < 0) {
      return NOBODY_THERE.includes(errno()) ? "nobody" : "unknown";
    }
    // struct ucred: pid, uid, gid (linux/socket.h)
    const credentials = new Int32Array(new ArrayBuffer(12));
    const length = int(credentials.byteLength);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) < 0) return "unknown";
    const [pid = 0, uid = 0] = credentials;
    return { pid, uid: uid >>> 0 };
  } finally {
    closeFd(fd);
  }
}

/** A socket that never blocks and that no child inherits. Throws SOCKET_FAILED. */
export function unixStreamSocket(name: string): number {
  const fd = libc().socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw unixSocketRefused(name, errno());
  return fd;
}

/** `struct sockaddr_un`. Throws SOCKET_FAILED for a name that is too long. */
export function unixAddress(name: string): Uint8Array {
  const address = tryUnixAddress(name);
  if (address === undefined) throw unixSocketRefused(name, constants.errno.ENAMETOOLONG);
  return address;
}

/** Undefined for a name that is too long. It is not terminated: the length of an address is part of an abstract name. */
export function tryUnixAddress(name: string): Uint8Array | undefined {
  const path = new TextEncoder().encode(name);
  if (path.length > PATH_BYTES) return undefined;
  const bytes = new Uint8Array(new ArrayBuffer(2 + path.length));
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(path, 2);
  return bytes;
}

export function unixSocketRefused(name: string, code: number): LvscareError {
  return kernelRefused(code, name.startsWith("\0") ? `claim ${name.slice(1)}` : `use ${name}`);
}

// --- internal ---

const NOBODY_THERE: readonly number[] = [constants.errno.ECONNREFUSED, constants.errno.ENOENT];
