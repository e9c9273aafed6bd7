import { LvscareError } from "../src/domain/errors.ts";
import { errnoName } from "../src/netlink/errno.ts";
import { closeFd, errno, libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const ENAMETOOLONG = 36;

/** `sizeof(sun_path)` in linux/un.h. */
const PATH_BYTES = 108;

/** Older kernels make it 128. */
const BACKLOG = 4096;

/**
 * A refused claimant's connection stays queued until the holder takes it out, and with a full queue nobody can learn any more who holds
 * the name: so somebody who is started again and again, and refused each time, would in the end be believed to meet a stranger.
 */
const CLEAR_QUEUE_MS = 10_000;

/** The holder may end between our bind and our question; two more tries tell that from a name that is held. */
const TRIES = 3;

/** The exclusive use of a name in this network namespace, until disposed of or until the process ends, however it ends. */
export interface Claim extends Disposable {
  readonly name: string;
}

export interface ClaimRefusal {
  /** Who has the name. `pid` 0: in another pid namespace, or not to be learnt; then `uid` is -1. */
  readonly heldBy: { readonly pid: number; readonly uid: number };
}

/**
 * Claims a name for this process, or says who holds it. The name is an abstract unix socket, `\0lvscare/<name>`: it belongs to
 * the network namespace, as the kernel's virtual servers do, needs no file and cannot be left behind by a crash.
 *
 * Throws SOCKET_FAILED when the kernel refuses for another reason, such as a name longer than 99 bytes.
 */
export function claimName(name: string, clearQueueMs = CLEAR_QUEUE_MS): Claim | ClaimRefusal {
  const address = abstractAddress(name);
  for (let attempt = 1; ; attempt++) {
    const fd = bindAndListen(name, address);
    if (fd !== undefined) return claim(name, fd, clearQueueMs);
    const heldBy = askHolder(name, address);
    if (heldBy !== undefined) return { heldBy };
    if (attempt === TRIES) return { heldBy: UNKNOWN };
  }
}

// --- internal ---

/** Not uid 0: anybody can take a name and fill its queue, which must not pass for a claim by root. */
const UNKNOWN = { pid: 0, uid: -1 };

function claim(name: string, fd: number, clearQueueMs: number): Claim {
  let open = true;
  const timer = setInterval(() => clearQueue(fd), clearQueueMs);
  // To hold a name is no reason to stay alive.
  timer.unref();
  return {
    name,
    [Symbol.dispose]() {
      clearInterval(timer);
      if (open) closeFd(fd);
      open = false;
    },
  };
}

/** At most one queueful: whoever fills it faster than that shall not keep us busy. */
function clearQueue(fd: number): void {
  for (let taken = 0; taken <= BACKLOG; taken++) {
    const asked = libc().accept(fd, null, null);
    if (asked < 0) return;
    closeFd(asked);
  }
}

/** `struct sockaddr_un` whose path starts with a zero byte and is not terminated: the address length is part of the name. */
function abstractAddress(name: string): Uint8Array {
  const path = new TextEncoder().encode(`\0lvscare/${name}`);
  if (path.length > PATH_BYTES) throw refused(name, ENAMETOOLONG);
  const bytes = new Uint8Array(new ArrayBuffer(2 + path.length));
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(path, 2);
  return bytes;
}

/** The listening descriptor, or undefined when somebody else has the address. */
function bindAndListen(name: string, address: Uint8Array): number | undefined {
  const fd = unixSocket(name);
  const { bind, listen } = libc();
  if (bind(fd, address, address.byteLength) === 0 && listen(fd, BACKLOG) === 0) return fd;
  const code = errno();
  closeFd(fd);
  if (errnoName(code) === "EADDRINUSE") return undefined;
  throw refused(name, code);
}

/** The credentials that the kernel noted when the holder called listen(), or undefined when nobody listens any more. */
function askHolder(name: string, address: Uint8Array): ClaimRefusal["heldBy"] | undefined {
  const fd = unixSocket(name);
  try {
    const { connect, getsockopt } = libc();
    if (connect(fd, address, address.byteLength) < 0) {
      return errnoName(errno()) === "ECONNREFUSED" ? undefined : UNKNOWN;
    }
    // struct ucred: pid, uid, gid (linux/socket.h)
    const credentials = new Int32Array(new ArrayBuffer(12));
    const length = new Uint32Array(new ArrayBuffer(4)).fill(credentials.byteLength);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) < 0) return UNKNOWN;
    const [pid = 0, uid = 0] = credentials;
    return { pid, uid: uid >>> 0 };
  } finally {
    closeFd(fd);
  }
}

function unixSocket(name: string): number {
  const fd = libc().socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw refused(name, errno());
  return fd;
}

function refused(name: string, code: number): LvscareError {
  const errno = errnoName(code);
  return new LvscareError("SOCKET_FAILED", `the kernel refused with ${errno}`, { operation: `claim ${name}`, errno });
}
