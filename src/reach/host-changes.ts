import { closeSync, watch } from "node:fs";
import type { Endpoint } from "../domain/endpoint.ts";
import { addressLength } from "../netlink/family.ts";
import { openChangeDescriptor } from "../netlink/kernel-transport.ts";
import { changeGroups, readChanges, type HostChange } from "../netlink/route/notifications.ts";

export interface HostWatch {
  /** Of the routes, only those to this address are listened to: a router may have a million others. */
  readonly address: Omit<Endpoint, "port">;
  /** Folders of kernel settings, such as `/proc/sys/net/ipv4/vs`; one that is not there is passed over. */
  readonly folders: readonly string[];
  readonly openDescriptor?: (groups: number) => number;
}

/**
 * Calls back whenever something changed that reach may depend on: links, addresses, routes to the virtual address, settings. It may
 * call for nothing, and it misses what happens while it cannot listen: look at everything when it calls, and now and then anyway.
 *
 * Returns what ends it; idempotent.
 */
export function watchHostChanges(options: HostWatch, onChange: () => void): () => void {
  const ends = [listenToKernel(options, onChange), ...options.folders.map((folder) => watchFolder(folder, onChange))];
  return () => {
    for (const end of ends) end();
  };
}

// --- internal ---

/** After the kernel has dropped messages, or would give no socket. */
const REOPEN_MS = 1000;

function listenToKernel(
  { address, openDescriptor = openChangeDescriptor }: HostWatch,
  onChange: () => void,
): () => void {
  let socket: Bun.Socket<unknown> | undefined;
  let timer: Timer | undefined;
  let ended = false;

  const open = (): void => {
    let fd: number | undefined;
    try {
      fd = openDescriptor(changeGroups(address.family));
      adopt({ fd, socket: handlers }).catch(reopen);
    } catch {
      reopen();
    }
    // `handlers.open` is called before `adopt` returns, and only then has the runtime taken the descriptor: otherwise it is still ours.
    if (fd !== undefined && socket === undefined) closeSync(fd);
  };
  // Until it is open again, changes go unheard: they are caught up with then.
  const reopen = (): void => {
    socket = undefined;
    clearTimeout(timer);
    if (!ended) timer = setTimeout(open, REOPEN_MS);
  };
  const handlers: Bun.SocketHandler = {
    open(opened) {
      socket = opened;
      if (ended) opened.terminate();
      else onChange();
    },
    data(_, datagram) {
      if (tellsOfUs(datagram, address)) onChange();
    },
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

/** Bun's types describe these options, but none of the overloads of Bun.connect takes them. */
const adopt = Bun.connect as unknown as (options: { fd: number; socket: Bun.SocketHandler }) => Promise<unknown>;

function tellsOfUs(datagram: Uint8Array, { family, address }: HostWatch["address"]): boolean {
  const concerns = (change: HostChange): boolean =>
    change.kind !== "route" ||
    (change.route.destination === address && change.route.prefix === 8 * addressLength(family));
  try {
    return readChanges(datagram).some(concerns);
  } catch {
    // What cannot be read may well be about us.
    return true;
  }
}

/** Whoever sets a value through the same /proc as ours is noticed; one in another mount of it is not. */
function watchFolder(folder: string, onChange: () => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    // No such folder, or no inotify watches left: the regular look at everything remains.
    return () => undefined;
  }
}
