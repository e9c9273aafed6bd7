import { libc } from "./libc.ts";

/** poll.h */
const POLLOUT = 0x004;
const POLLERR = 0x008;
const POLLHUP = 0x010;

export interface DescriptorState {
  /** A write of up to 4096 bytes (`PIPE_BUF`) returns without blocking, if need be with an error. */
  readonly takesText: boolean;
  /** What is written will not be read: the pipe's last reader, the socket's peer or the terminal is gone. */
  readonly isUnread: boolean;
}

/**
 * Returns the present state of a descriptor at each call. It never waits, and changes nothing that others share with
 * us.
 */
export function pollDescriptor(fd: number): () => DescriptorState {
  // struct pollfd: the descriptor, then the requested and the returned events, 16 bits each.
  const asked = new Int16Array(new ArrayBuffer(8));
  new Int32Array(asked.buffer)[0] = fd;
  asked[2] = POLLOUT;
  const { poll } = libc();
  return () => {
    // Interrupted, or out of memory: the write itself finds out.
    if (poll(asked, 1, 0) < 0) return { takesText: true, isUnread: false };
    const told = asked[3] ?? 0;
    return { takesText: told !== 0, isUnread: (told & (POLLERR | POLLHUP)) !== 0 };
  };
}
