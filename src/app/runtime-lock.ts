import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { lockFile } from "#native";
import {
  makeRuntimeDirectory,
  openRuntimeDirectory,
  runtimeName,
  type RuntimeDirectory,
} from "../control/runtime-directory.ts";
import { errnoOf, LvscareError } from "../domain/errors.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import { networkNamespace } from "./network-namespace.ts";

/** A locked file in the runtime directory, which only this user can lock. It ends with the process in any case. */
export interface RuntimeLock extends Disposable {
  /** The file is still the one that other processes would lock. */
  stands(): boolean;
}

/** Its holder. `pid` 0: not visible from here. */
export interface LockHolder {
  readonly heldBy: { readonly pid: number };
}

/**
 * Locks virtual servers of this network namespace, in addition to the claims on their names, which any user may take.
 * What they share is asked for once: a thousand are locked in a row.
 */
export class RuntimeLocks implements Disposable {
  readonly #folder = daemonFolder();
  readonly #uid = process.getuid?.() ?? 0;
  readonly #end = lockEnd();
  #directory: RuntimeDirectory | undefined;

  /** Throws where the directory is not available, as in a container without a writable one. */
  lock(key: ServiceKey): RuntimeLock | LockHolder {
    const name = `${runtimeName(key)}${this.#end}`;
    for (let attempt = 1; ; attempt++) {
      this.#directory ??= this.#open();
      const outcome = this.#directory && tryLock(this.#directory, this.#folder, this.#uid, name);
      if (outcome !== undefined && (!("heldBy" in outcome) || attempt === TRIES)) return outcome;
      if (attempt === TRIES)
        throw new LvscareError("CONTROL_FAILED", "its lock keeps being replaced", { operation: `use ${this.#folder}` });
      // A process that only looks has it for a moment; one that ends has removed the file.
      Bun.sleepSync(PAUSE_MS);
      // The directory may have been made again, too.
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#directory?.[Symbol.dispose]();
    this.#directory = undefined;
  }

  // --- internal ---

  #open(): RuntimeDirectory | undefined {
    makeRuntimeDirectory(this.#folder, this.#uid);
    return openRuntimeDirectory(this.#folder, this.#uid);
  }
}

/** The holder of that lock; undefined when there is none. */
export function lockHolder(key: ServiceKey): LockHolder["heldBy"] | undefined {
  const meant = lockName(key);
  return holdersOf(lockNames().filter((name) => name === meant))[0];
}

/** The locks of this network namespace, by the address of their virtual server (IPv6 in brackets). */
export function locksByAddress(): LocksByAddress {
  const end = lockEnd();
  const ofHere = lockNames().filter((name) => name.endsWith(end));
  return Map.groupBy(ofHere, (name) => ADDRESS_OF_LOCK.exec(name.slice(0, -end.length))?.[1]);
}

export type LocksByAddress = ReadonlyMap<string | undefined, readonly string[]>;

/**
 * Whether any process cares for a virtual server at this address (IPv6 in brackets), on any port of any protocol, by
 * these locks; `besides`: another one than these.
 */
export function isAddressLocked(address: string, besides: readonly ServiceKey[], locks: LocksByAddress): boolean {
  const uncounted = new Set(besides.map(lockName));
  return holdersOf((locks.get(address) ?? []).filter((name) => !uncounted.has(name))).length > 0;
}

// --- internal ---

const TRIES = 4;
const PAUSE_MS = 5;

function lockName(key: ServiceKey): string {
  return `${runtimeName(key)}${lockEnd()}`;
}

function lockEnd(): string {
  return `-${networkNamespace()}.lock`;
}

const ADDRESS_OF_LOCK = /^[a-z]+-(.+):\d+$/;

/** Undefined when the file was replaced meanwhile. */
function tryLock(
  directory: RuntimeDirectory,
  folder: string,
  uid: number,
  name: string,
): RuntimeLock | LockHolder | undefined {
  const opened = openLock(directory, name, uid, constants.O_CREAT);
  if (opened === undefined) return undefined;
  const { fd, ino, dev } = opened;
  const isAt = (path: string): boolean => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    return found?.ino === ino && found.dev === dev;
  };
  if (!lockFile(fd)) {
    closeSync(fd);
    return { heldBy: { pid: pidOfLock(ino) } };
  }
  if (!isAt(directory.at(name))) {
    closeSync(fd);
    return undefined;
  }
  const path = `${folder}/${name}`;
  let isOpen = true;
  return {
    stands: () => isAt(path),
    [Symbol.dispose]() {
      if (!isOpen) return;
      isOpen = false;
      // Removed while it is locked: a process that waits for it will see that the file is gone or replaced.
      if (isAt(path)) rmSync(path, { force: true });
      closeSync(fd);
    },
  };
}

function lockNames(): readonly string[] {
  return inRuntimeDirectory((directory) => readdirSync(directory.at("")));
}

function holdersOf(names: readonly string[]): readonly LockHolder["heldBy"][] {
  if (names.length === 0) return [];
  return inRuntimeDirectory((directory, uid) =>
    names.flatMap((name) => {
      const opened = openLock(directory, name, uid, 0);
      if (opened === undefined) return [];
      try {
        return lockFile(opened.fd, "shared") ? [] : [{ pid: pidOfLock(opened.ino) }];
      } finally {
        closeSync(opened.fd);
      }
    }),
  );
}

/** Nothing where there is none. */
function inRuntimeDirectory<T>(look: (directory: RuntimeDirectory, uid: number) => readonly T[]): readonly T[] {
  const uid = process.getuid?.() ?? 0;
  try {
    using directory = openRuntimeDirectory(daemonFolder(), uid);
    return directory === undefined ? [] : look(directory, uid);
  } catch (error) {
    // What another user could have put there is no lock.
    if (error instanceof LvscareError) return [];
    throw error;
  }
}

interface OpenedLock {
  readonly fd: number;
  readonly ino: number;
  readonly dev: number;
}

/** Undefined where it does not exist. Throws CONTROL_FAILED for anything but a file of this user's own. */
function openLock(directory: RuntimeDirectory, name: string, uid: number, more: number): OpenedLock | undefined {
  let fd: number;
  try {
    const flags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK | more;
    fd = openSync(directory.at(name), flags, 0o600);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return undefined;
    throw new LvscareError("CONTROL_FAILED", (cause as Error).message, { operation: `open ${name}`, cause });
  }
  const found = fstatSync(fd);
  // A user who may open it may lock it.
  if (found.isFile() && found.uid === uid && (found.mode & 0o077) === 0) return { fd, ino: found.ino, dev: found.dev };
  closeSync(fd);
  throw new LvscareError("CONTROL_FAILED", "it is not a file of this user alone", { operation: `open ${name}` });
}

/**
 * From the kernel's list, `1: FLOCK ADVISORY WRITE 31367 fe:00:10158420 0 EOF`, which leaves out other pid
 * namespaces.
 */
function pidOfLock(inode: number): number {
  const pattern = new RegExp(`: FLOCK +ADVISORY +WRITE +(\\d+) \\S+:${inode} `);
  return Number(pattern.exec(readFileSync("/proc/locks", "utf8"))?.[1] ?? 0);
}
