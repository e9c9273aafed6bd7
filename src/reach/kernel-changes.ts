import { adoptDescriptor } from "../../native/adopt-descriptor.ts";
import { openChangeDescriptor } from "../netlink/kernel-transport.ts";

export interface KernelChangesOptions {
  /** The kernel's multicast groups, as a mask. */
  readonly groups: number;
  readonly openDescriptor?: ((groups: number) => number) | undefined;
  /** It listens, for the first time or again: what happened before went unheard. */
  readonly opened?: () => void;
  readonly told: (datagram: Uint8Array) => void;
}

/** Listens to the kernel's reports of changes to the network. Returns a function that ends it; idempotent. */
export function listenToKernel(options: KernelChangesOptions): () => void {
  const { groups, openDescriptor = openChangeDescriptor } = options;
  let socket: Bun.Socket<unknown> | undefined;
  let timer: Timer | undefined;
  let ended = false;

  const open = (): void => adoptDescriptor({ open: () => openDescriptor(groups), handlers, failed: reopen });
  const reopen = (): void => {
    socket = undefined;
    clearTimeout(timer);
    if (!ended) timer = setTimeout(open, REOPEN_MS);
  };
  const handlers: Bun.SocketHandler = {
    open(opened) {
      socket = opened;
      if (ended) opened.terminate();
      else options.opened?.();
    },
    data: (_, datagram) => options.told(datagram),
    // With ENOBUFS when messages were lost.
    close: reopen,
    error: (failed) => void failed.terminate(),
  };

  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    socket?.terminate();
  };
}

// --- internal ---

/** After the kernel has dropped messages, or would give no socket. */
const REOPEN_MS = 1000;
