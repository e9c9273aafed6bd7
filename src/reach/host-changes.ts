import { watch } from "node:fs";
import { cidrContains } from "../domain/cidr.ts";
import { hostPrefix, type Endpoint } from "../domain/endpoint.ts";
import { changeGroups, readChanges, type HostChange } from "../netlink/route/notifications.ts";
import { listenToKernel } from "./kernel-changes.ts";

export interface HostWatch {
  /** Only routes to this address are watched: a router may have a million others. */
  readonly address: Omit<Endpoint, "port">;
  /** Also routes towards any of these. */
  readonly towards?: readonly Omit<Endpoint, "port">[];
  /** Folders of kernel settings, such as `/proc/sys/net/ipv4/vs`. Missing ones are skipped. */
  readonly folders: readonly string[];
  readonly openDescriptor?: (groups: number) => number;
}

/**
 * Calls back when something changed that reach may depend on: links, addresses, routes to the virtual address,
 * settings. It may call without a reason, and it misses changes while it cannot listen: look at everything when it
 * calls, and from time to time anyway.
 *
 * Returns a function that ends it; idempotent.
 */
export function watchHostChanges(options: HostWatch, onChange: () => void): () => void {
  const { openDescriptor } = options;
  const listening = listenToKernel({
    groups: changeGroups(options.address.family),
    openDescriptor,
    // Until it was open, changes went unheard: they are caught up with now.
    opened: onChange,
    told: (datagram) => {
      if (tellsOfUs(datagram, options)) onChange();
    },
  });
  const ends = [listening, ...options.folders.map((folder) => watchFolder(folder, onChange))];
  return () => {
    for (const end of ends) end();
  };
}

// --- internal ---

function tellsOfUs(datagram: Uint8Array, { address: { family, address }, towards = [] }: HostWatch): boolean {
  const concerns = (change: HostChange): boolean => {
    if (change.kind !== "route") return true;
    const { destination, prefix } = change.route;
    if (destination === address && prefix === hostPrefix(family)) return true;
    return towards.some((server) => cidrContains(`${destination}/${prefix}`, server) === true);
  };
  try {
    return readChanges(datagram).some(concerns);
  } catch {
    // What cannot be read may well be about us.
    return true;
  }
}

/** A value that is set through the same /proc as ours is noticed; through another mount of it, it is not. */
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
