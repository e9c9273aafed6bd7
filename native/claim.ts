import { constants } from "node:os";
import { closeFd, errno, libc } from "./libc.ts";
import { listenerAt, unixAddress, unixSocketRefused, unixStreamSocket } from "./unix-socket.ts";

/** Older kernels make it 128. */
const BACKLOG = 4096;

/**
 * A refused claimant's connection stays queued until the holder accepts it. With a full queue, no process can learn
 * who holds the name any more: a daemon that is restarted and refused again and again would in the end take the
 * holder for a stranger.
 */
const CLEAR_QUEUE_MS = 10_000;

/** A program that is started keeps descriptors for some milliseconds on a busy machine. */
const PATIENCE_MS = 200;
const PAUSE_MS = 2;

const SHUT_RDWR = 2;

/** The holder may end between our bind and our question. Two more tries tell that from a name that is really taken. */
const TRIES = 3;

/**
 * Waiting for a name whose holder has let go, while the kernel has not: a program that the holder had just started has its
 * descriptors, too, for the moment in which it becomes another program, and vfork(2) returns before that is over. One
 * patience may be shared by several names: it is all the time that is waited for them.
 */
export class Patience {
  #leftMs: number;

  constructor(ms = PATIENCE_MS) {
    this.#leftMs = ms;
  }

  /** Waits a little; false where it is at an end. */
  wait(): boolean {
    if (this.#leftMs <= 0) return false;
    Bun.sleepSync(PAUSE_MS);
    this.#leftMs -= PAUSE_MS;
    return true;
  }
}

/** The exclusive use of a name in this network namespace, until it is disposed of or the process ends in any way. */
export interface Claim extends Disposable {
  readonly name: string;
}

export interface ClaimRefusal {
  /** Its holder. `pid` 0: in another pid namespace, or unknown; if unknown, `uid` is -1. */
  readonly heldBy: { readonly pid: number; readonly uid: number };
}

/**
 * Claims a name for this process, or returns its holder. The name is an abstract unix socket, `\0lvscare/<name>`: it
 * belongs to the network namespace, as the kernel's virtual servers do, needs no file and cannot be left behind by a
 * crash.
 *
 * Throws SOCKET_FAILED when the kernel refuses for another reason, such as a name longer than 99 bytes.
 */
export function claimName(
  name: string,
  { patience = new Patience(), clearQueueMs = CLEAR_QUEUE_MS }: ClaimOptions = {},
): Claim | ClaimRefusal {
  for (let attempt = 1; ; attempt++) {
    const fd = bindAndListen(name);
    if (fd !== undefined) return claim(name, fd, clearQueueMs);
    const heldBy = holderOfName(name);
    if (heldBy !== undefined) return { heldBy };
    if (attempt >= TRIES && !patience.wait()) return { heldBy: UNKNOWN };
  }
}

/** The holder of a name, without claiming it; undefined when there is none. Can also throw SOCKET_FAILED. */
export function holderOfName(name: string): ClaimRefusal["heldBy"] | undefined {
  const listener = listenerAt(abstractName(name));
  if (listener === "nobody") return undefined;
  return listener === "unknown" ? UNKNOWN : listener;
}

// --- internal ---

interface ClaimOptions {
  readonly patience?: Patience;
  readonly clearQueueMs?: number;
}

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
      if (!open) return;
      open = false;
      // Whoever else has it open still has the name, but is not taken for its holder any more.
      libc().shutdown(fd, SHUT_RDWR);
      closeFd(fd);
    },
  };
}

/** At most one full queue: a process that fills it faster than that must not keep us busy. */
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

/** The listening descriptor; undefined when another process has the address. */
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
