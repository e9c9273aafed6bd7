import type { Endpoint, Family } from "../domain/endpoint.ts";
import { NetlinkConnection } from "../netlink/connection.ts";
import { openKernelTransport } from "../netlink/kernel-transport.ts";
import { pathGroups, readChanges, type HostChange } from "../netlink/route/notifications.ts";
import { decodeRoute, lookUpRoute } from "../netlink/route/routes.ts";
import { listenToKernel } from "./kernel-changes.ts";

/** Where packets to an address go first: over which link, and to which neighbour. */
export interface Path {
  readonly linkIndex: number;
  readonly hop: string;
}

/** The path to one real server. */
export interface WatchedPath {
  /** A connection was made over it just now. */
  used(): void;
  /** Idempotent. */
  close(): void;
}

export interface PathWatchPorts {
  readonly now: () => number;
  /** Undefined where no way leads there, or none is known. */
  readonly findPath?: (family: Family, address: string) => Path | undefined;
  readonly listen?: typeof listenToKernel;
}

/**
 * Watches the way to real servers: the link by which packets leave, and the neighbour that takes them. The kernel's
 * report of a dead link or a silent neighbour is no proof, but it comes long before a connection's timeout.
 */
export class PathWatch {
  readonly #now: () => number;
  readonly #findPath: (family: Family, address: string) => Path | undefined;
  readonly #watched = new Set<Watched>();
  readonly #listen: () => () => void;
  #stopListening: (() => void) | undefined;
  readonly #closeLookup: () => void;
  /** Paths that were looked up before this time are based on older links. */
  #changedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ now, findPath, listen = listenToKernel }: PathWatchPorts) {
    this.#now = now;
    const lookup = new NetlinkConnection(() => openKernelTransport("route"));
    this.#findPath = findPath ?? ((family, address) => kernelPath(lookup, family, address));
    this.#closeLookup = () => lookup.close();
    this.#listen = () =>
      listen({
        groups: pathGroups(),
        opened: () => void (this.#changedAtMs = now()),
        told: (datagram) => this.#hear(datagram),
      });
  }

  /** `lost` is called when the path that was used last broke. */
  watch({ family, address }: Endpoint, lost: () => void): WatchedPath {
    const watched: Watched = { path: undefined, foundAtMs: Number.NEGATIVE_INFINITY, lost };
    this.#watched.add(watched);
    return {
      used: () => {
        // Not before there is something to watch: a start has more urgent things to do.
        this.#stopListening ??= this.#listen();
        const nowMs = this.#now();
        const { path, foundAtMs } = watched;
        if (path !== undefined && foundAtMs > this.#changedAtMs && nowMs - foundAtMs < KNOWN_MS) return;
        watched.foundAtMs = nowMs;
        watched.path = this.#findPath(family, address);
      },
      close: () => void this.#watched.delete(watched),
    };
  }

  /** Idempotent. */
  [Symbol.dispose](): void {
    this.#stopListening?.();
    this.#closeLookup();
    this.#watched.clear();
  }

  // --- internal ---

  #hear(datagram: Uint8Array): void {
    for (const change of changesOf(datagram)) {
      if (change.kind === "link") this.#changedAtMs = this.#now();
      const isBroken = breakage(change);
      if (isBroken === undefined) continue;
      for (const watched of this.#watched) {
        if (watched.path === undefined || !isBroken(watched.path)) continue;
        // Reported once: it is watched again after its next use.
        watched.path = undefined;
        watched.lost();
      }
    }
  }
}

// --- internal ---

interface Watched {
  path: Path | undefined;
  foundAtMs: number;
  readonly lost: () => void;
}

/** Routes change without a report to us: results older than this are looked up again. */
const KNOWN_MS = 60_000;

function breakage(change: HostChange): ((path: Path) => boolean) | undefined {
  if (change.kind === "link" && !change.link.isRunning) return ({ linkIndex }) => linkIndex === change.link.index;
  if (change.kind !== "neighbour" || !change.neighbour.isSilent) return undefined;
  const { linkIndex, address } = change.neighbour;
  return (path) => path.linkIndex === linkIndex && path.hop === address;
}

function changesOf(datagram: Uint8Array): readonly HostChange[] {
  try {
    return readChanges(datagram);
  } catch {
    // A message of a newer kernel: the next check finds out by itself.
    return [];
  }
}

function kernelPath(connection: NetlinkConnection, family: Family, address: string): Path | undefined {
  try {
    const [route] = connection.request(lookUpRoute({ family, address }), decodeRoute).replies;
    return route?.linkIndex === undefined ? undefined : { linkIndex: route.linkIndex, hop: route.gateway ?? address };
  } catch {
    // No socket for the question: nothing is watched, and checks go on.
    return undefined;
  }
}
