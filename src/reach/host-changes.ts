import { watch } from "node:fs";
import { cidrContains } from "../domain/cidr.ts";
import { hostPrefix, type Endpoint, type Family } from "../domain/endpoint.ts";
import { changeGroups, readChanges, type HostChange } from "../netlink/route/notifications.ts";
import type { Route } from "../netlink/route/routes.ts";
import { listenToKernel } from "./kernel-changes.ts";

export interface HostWatch {
  /** Only routes to this address are watched: a router may have a million others. */
  readonly address: Omit<Endpoint, "port">;
  /** Also routes towards any of these. */
  readonly towards?: readonly Omit<Endpoint, "port">[];
  /** Folders of kernel settings, such as `/proc/sys/net/ipv4/vs`. Missing ones are skipped. */
  readonly folders: readonly string[];
}

export interface HostChangesOptions {
  /** Called before anybody who watches. */
  readonly changed?: () => void;
  readonly openDescriptor?: (groups: number) => number;
}

/**
 * Hears of changes of this host that reach may depend on: links, addresses, routes, settings. There is one for all
 * virtual servers, which listens while somebody watches.
 */
export class HostChanges {
  readonly #options: HostChangesOptions;
  readonly #families = new Map<Family, FamilyChanges>();
  readonly #folders = new Map<string, Shared>();

  constructor(options: HostChangesOptions = {}) {
    this.#options = options;
  }

  /**
   * Calls back when something changed that concerns this. It may call without a reason, and it misses changes while it
   * cannot listen: look at everything when it calls, and from time to time anyway.
   *
   * Returns a function that ends it; idempotent.
   */
  watch(options: HostWatch, onChange: () => void): () => void {
    const { address, folders } = options;
    const family = this.#families.get(address.family) ?? new FamilyChanges(address.family, this.#options);
    this.#families.set(address.family, family);
    const ends = [family.join(options, onChange), ...folders.map((folder) => this.#folder(folder).join(onChange))];
    return () => {
      for (const end of ends) end();
    };
  }

  // --- internal ---

  #folder(folder: string): Shared {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const { changed } = this.#options;
    const shared: Shared = new Shared(() =>
      watchFolder(folder, () => {
        changed?.();
        shared.tell();
      }),
    );
    this.#folders.set(folder, shared);
    return shared;
  }
}

// --- internal ---

/** Those who wait for the same, which is listened to as long as there are any. */
class Shared {
  readonly #listeners = new Map<symbol, () => void>();
  readonly #begin: () => () => void;
  #end: (() => void) | undefined;

  constructor(begin: () => () => void) {
    this.#begin = begin;
  }

  join(listener: () => void): () => void {
    const id = Symbol();
    this.#listeners.set(id, listener);
    this.#end ??= this.#begin();
    return () => {
      this.#listeners.delete(id);
      if (this.#listeners.size > 0) return;
      this.#end?.();
      this.#end = undefined;
    };
  }

  tell(): void {
    for (const listener of this.#listeners.values()) listener();
  }
}

/** The changes of links, and of one family's addresses and routes. */
class FamilyChanges {
  readonly #all: Shared;
  /** By the address that routes of single hosts lead to. */
  readonly #byHost = new Map<string, Set<() => void>>();
  /** Those that any route may concern. */
  readonly #towards = new Map<() => void, readonly Omit<Endpoint, "port">[]>();
  readonly #family: Family;
  readonly #changed: () => void;

  constructor(family: Family, { changed = () => undefined, openDescriptor }: HostChangesOptions) {
    this.#family = family;
    this.#changed = changed;
    this.#all = new Shared(() =>
      listenToKernel({
        groups: changeGroups(family),
        openDescriptor,
        // Until it was open, changes went unheard: they are caught up with now.
        opened: () => this.#tellAll(),
        told: (datagram) => this.#hear(datagram),
      }),
    );
  }

  join({ address: { address }, towards = [] }: HostWatch, onChange: () => void): () => void {
    const listener = (): void => onChange();
    const hosts = [address, ...towards.map((server) => server.address)];
    for (const host of hosts) this.#byHost.set(host, (this.#byHost.get(host) ?? new Set()).add(listener));
    if (towards.length > 0) this.#towards.set(listener, towards);
    const leave = this.#all.join(listener);
    return () => {
      leave();
      this.#towards.delete(listener);
      for (const host of hosts) {
        const listeners = this.#byHost.get(host);
        listeners?.delete(listener);
        if (listeners?.size === 0) this.#byHost.delete(host);
      }
    };
  }

  // --- internal ---

  #hear(datagram: Uint8Array): void {
    const changes = changesOf(datagram);
    if (changes === undefined || changes.some(({ kind }) => kind !== "route")) return this.#tellAll();
    this.#changed();
    const concerned = new Set(
      changes.flatMap((change) => (change.kind === "route" ? this.#concerned(change.route) : [])),
    );
    for (const listener of concerned) listener();
  }

  #tellAll(): void {
    this.#changed();
    this.#all.tell();
  }

  #concerned({ destination, prefix }: Route): readonly (() => void)[] {
    if (prefix === hostPrefix(this.#family)) return [...(this.#byHost.get(destination) ?? [])];
    const leadsTo = (servers: readonly Omit<Endpoint, "port">[]): boolean =>
      servers.some((server) => cidrContains(`${destination}/${prefix}`, server) === true);
    return [...this.#towards].flatMap(([listener, servers]) => (leadsTo(servers) ? [listener] : []));
  }
}

/** Undefined for what cannot be read: it may well be about us. */
function changesOf(datagram: Uint8Array): readonly HostChange[] | undefined {
  try {
    return readChanges(datagram);
  } catch {
    return undefined;
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
