import { lstatSync, readdirSync, readlinkSync, statSync, watch, type FSWatcher } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { errnoOf } from "../domain/errors.ts";

/** What decides whether files have changed, as it was just before they were read. */
export interface WatchedPaths {
  /** By absolute path, whether there is such a file or not: what `factsOf` said of it. */
  readonly files: ReadonlyMap<string, string>;
  /** Folders in which other such files may appear, by absolute path: what `namesIn` said. */
  readonly folders: ReadonlyMap<string, string>;
}

/**
 * Calls back when files changed and then stood still for a while: a new content in place, another file under the name,
 * or another target of a link on the way (as ConfigMaps are exchanged). A change that the kernel does not tell of, as
 * behind a link or on a network file system, is noticed when it is looked at, every ten seconds.
 */
export class FileWatch implements Disposable {
  readonly #changed: () => void;
  readonly #look: Timer;
  #paths: WatchedPaths | undefined;
  readonly #watchers = new Map<string, WatchedFolder>();
  #seen = "";
  readonly #quietMs: number;
  #fresh: Fresh | undefined;
  #next: Timer | undefined;

  /** `quietMs`: from the last change, a multiple of `STEP_MS`; whoever writes in place may pause in the middle. */
  constructor(changed: () => void, quietMs = STEP_MS) {
    this.#changed = changed;
    this.#quietMs = quietMs;
    this.#look = setInterval(() => this.#lookAgain(), LOOK_MS);
    this.#look.unref();
  }

  /** Watches these from now on. What changed since they were read is a change like any other. */
  follow(paths: WatchedPaths): void {
    this.#paths = paths;
    this.#seen = [...paths.files.values(), ...paths.folders.values()].join("\n");
    this.#watch(paths);
    if (fingerprint(paths) !== this.#seen) this.#stirred();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#look);
    clearTimeout(this.#next);
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  // --- internal ---

  #watch({ files, folders }: WatchedPaths): void {
    const wanted = new Set([...folders.keys(), ...[...files.keys()].flatMap(foldersOnTheWay)]);
    for (const [folder, { watcher, identity }] of this.#watchers) {
      // Another folder under its name is not the one that is watched.
      if (wanted.has(folder) && identity === identityOf(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of wanted) {
      if (this.#watchers.has(folder)) continue;
      const identity = identityOf(folder);
      const watcher = watched(folder, () => this.#stirred());
      if (watcher === undefined) continue;
      watcher.on("error", () => {
        watcher.close();
        this.#watchers.delete(folder);
      });
      this.#watchers.set(folder, { watcher, identity });
    }
  }

  /** Others may go on writing beside them, and put nothing off by that. */
  #stirred(): void {
    if (this.#next !== undefined || this.#paths === undefined) return;
    this.#wait({ seen: fingerprint(this.#paths), forMs: 0 });
  }

  #wait(fresh: Fresh): void {
    this.#fresh = fresh;
    this.#next = setTimeout(() => this.#lookAgain(), STEP_MS);
    this.#next.unref();
  }

  #lookAgain(): void {
    const paths = this.#paths;
    if (paths === undefined) return;
    const fresh = this.#fresh;
    clearTimeout(this.#next);
    this.#next = undefined;
    this.#fresh = undefined;
    const seen = fingerprint(paths);
    // Folders may have been made again, and links lead elsewhere.
    this.#watch(paths);
    if (seen === this.#seen) return;
    const forMs = seen === fresh?.seen ? fresh.forMs + STEP_MS : 0;
    if (forMs < this.#quietMs) return this.#wait({ seen, forMs });
    this.#seen = seen;
    this.#changed();
  }
}

/** The names in a folder, or why there are none. */
export function namesIn(folder: string): string {
  try {
    return readdirSync(folder).toSorted().join("/");
  } catch (error) {
    return errnoOf(error) ?? "unknown";
  }
}

/** What is other than before when a file has another content, as far as the file system tells, or why it has none. */
export function factsOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(" ");
  } catch (error) {
    return errnoOf(error) ?? "unknown";
  }
}

// --- internal ---

/** What is there now and was not told of yet, and for how long it has been so. */
interface Fresh {
  readonly seen: string;
  readonly forMs: number;
}

interface WatchedFolder {
  readonly watcher: FSWatcher;
  /** Of the folder that had the name when watching it began. */
  readonly identity: string;
}

const STEP_MS = 250;
const LOOK_MS = 10_000;
/** `MAXSYMLINKS` of linux/namei.h. */
const MOST_LINKS = 40;

/** Without inotify or the folder, the look every ten seconds remains. */
function watched(folder: string, onChange: () => void): FSWatcher | undefined {
  try {
    return watch(folder, { persistent: false }, onChange);
  } catch {
    return undefined;
  }
}

/** The folders in which something is exchanged when a path comes to mean another file: its own, and those of links. */
function foldersOnTheWay(path: string): string[] {
  const folders = new Set<string>([dirname(path)]);
  let rest = path.split("/").filter((part) => part !== "");
  let at = "/";
  for (let links = 0; rest.length > 0;) {
    const [name = "", ...others] = rest;
    const here = join(at, name);
    const target = links < MOST_LINKS ? linkTarget(here) : undefined;
    if (target === undefined) {
      at = here;
      rest = others;
      continue;
    }
    links++;
    folders.add(at);
    rest = [...resolve(at, target).split("/"), ...others].filter((part) => part !== "");
    at = "/";
  }
  folders.add(dirname(at));
  return [...folders];
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** Equal as long as the same files with the same content are there, as far as the file system tells. */
function fingerprint({ files, folders }: WatchedPaths): string {
  return [...[...files.keys()].map(factsOf), ...[...folders.keys()].map(namesIn)].join("\n");
}

function identityOf(folder: string): string {
  try {
    const { dev, ino } = statSync(folder);
    return `${dev} ${ino}`;
  } catch (error) {
    return errnoOf(error) ?? "unknown";
  }
}
