import { constants } from "node:os";
import { closeFd, errno, libc } from "./libc.ts";
import { listenerAt, unixAddress, unixSocketRefused, unixStreamSocket } from "./unix-socket.ts";

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
  for (let attempt = 1; ; attempt++) {
    const fd = bindAndListen(name);
    if (fd !== undefined) return claim(name, fd, clearQueueMs);
    const heldBy = holderOfName(name);
    if (heldBy !== undefined) return { heldBy };
    if (attempt === TRIES) return { heldBy: UNKNOWN };
  }
}

/** Who holds a name, without claiming it; undefined when nobody does. Throws SOCKET_FAILED, too. */
export function holderOfName(name: string): ClaimRefusal["heldBy"] | undefined {
  const listener = listenerAt(abstractName(name));
  if (listener === "nobody") return undefined;
  return listener === "unknown" ? UNKNOWN : listener;
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

/** At most one queueful: somebody who fills it faster than that must not keep us busy. */
function clearQueue(fd: number): void {
  for (let taken = 0; taken <= BACKLOG; taken++) {
    const asked = libc().accept(fd, null, null);
    if (asked < 0) return;
    closeFd(asked);
  }
}

function abstractName(name: string): string {
  return `\0lvscare/${name}`;
}

/** The listening descriptor, or undefined when somebody else has the address. */
function bindAndListen(name: string): number | undefined {
  const abstract = abstractName(name);
  const address = unixAddress(abstract);
  const fd = unixStreamSocket(abstract);
  const { bind, listen } = libc();
  if (bind(fd, address, address.byteLength) === 0 && listen(fd, BACKLOG) === 0) return fd;
  const code = errno();
  closeFd(fd);
  if (code === constants.errno.EADDRINUSE) return undefined;
  throw unixSocketRefused(abstract, code);
}
