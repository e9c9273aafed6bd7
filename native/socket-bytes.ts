import { libc } from "./libc.ts";
import { MSG_DONTWAIT, SOL_SOCKET, SO_MEMINFO } from "./socket-constants.ts";

/** What a program does to a socket that the runtime polls, where it wants to say itself how much is read. */
export const socketBytes = {
  /**
   * Reads what is there, as far as the array goes. Returns how many bytes; 0 after FIN, and -1 for none or a failure.
   */
  receive(fd: number, into: Uint8Array<ArrayBuffer>, most: number): number {
    return Number(libc().recv(fd, into, Math.min(most, into.byteLength), MSG_DONTWAIT));
  },

  /** How many bytes the kernel would take to send, about: its own book-keeping counts, too. Undefined where it does not say. */
  room(fd: number): number | undefined {
    LENGTH[0] = MEMINFO.byteLength;
    // Linux 4.12.
    if (libc().getsockopt(fd, SOL_SOCKET, SO_MEMINFO, MEMINFO, LENGTH) < 0) return undefined;
    return Math.max(0, (MEMINFO[SK_MEMINFO_SNDBUF] ?? 0) - (MEMINFO[SK_MEMINFO_WMEM_QUEUED] ?? 0));
  },
} as const;

// --- internal ---

/** Where `struct sk_meminfo` has them (linux/sock_diag.h). */
const SK_MEMINFO_SNDBUF = 3;
const SK_MEMINFO_WMEM_QUEUED = 5;

const MEMINFO = new Uint32Array(new ArrayBuffer(9 * 4));
const LENGTH = new Int32Array(new ArrayBuffer(4));
