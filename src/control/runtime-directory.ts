import { closeSync, constants, fstatSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, LvscareError } from "../domain/errors.ts";
import type { NamedVirtualServer } from "../domain/virtual-server-name.ts";
import { formatServiceKey, PROTOCOLS, type ServiceKey } from "../domain/virtual-server.ts";
import { SOCKET_SUFFIX } from "./protocol.ts";

/** Where daemons of this user put their sockets: `/run/lvscare` for root, `$XDG_RUNTIME_DIR/lvscare` for others. */
export function runtimeDirectory(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return "/run/lvscare";
  const base = env["XDG_RUNTIME_DIR"];
  return base === undefined || base === "" ? `/run/user/${uid}/lvscare` : join(base, "lvscare");
}

/** The beginning of a virtual server's files in that directory: `tcp-10.103.97.12:6443`. */
export function runtimeName(key: ServiceKey): string {
  return formatServiceKey(key).replaceAll(" ", "-");
}

/**
 * Where the daemon of one virtual server listens: `tcp-10.103.97.12:6443.sock`. If that is taken, the number of the
 * network namespace is added: each namespace has one daemon. Process ids would not do: in containers all are 1.
 */
export function socketPath(directory: string, key: ServiceKey, namespace?: string): string {
  return pathOf(directory, runtimeName(key), namespace);
}

/**
 * Where the daemon of a configuration listens, by what tells it from others, such as the absolute path of its file:
 * `config-5f3a09c2.sock`. What it cares for changes, so that its name cannot say it.
 */
export function configSocketPath(directory: string, identity: string, namespace?: string): string {
  return pathOf(directory, configName(identity), namespace);
}

/** The beginning of a configuration's files in that directory: `config-5f3a09c2`. */
export function configName(identity: string): string {
  const digest = new Bun.CryptoHasher("sha256").update(identity).digest("hex").slice(0, DIGEST_LENGTH);
  return `${CONFIG_PREFIX}${digest}`;
}

/** The virtual server of a socket's name; undefined for any other name. */
export function virtualServerOfSocket(name: string): NamedVirtualServer | undefined {
  const [, word, address] = SOCKET_NAME.exec(name) ?? [];
  const protocol = PROTOCOLS.find((one) => one === word);
  return protocol === undefined || address === undefined ? undefined : { protocol, address };
}

/** Makes the directory for this user alone, and refuses one that another user could have planted there. */
export function makeRuntimeDirectory(path: string, uid: number): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    // Something else may be there; it is reported below.
    if (errnoOf(cause) !== "EEXIST") {
      throw new LvscareError("CONTROL_FAILED", (cause as Error).message, { operation: `make ${path}`, cause });
    }
  }
  openRuntimeDirectory(path, uid)?.[Symbol.dispose]();
}

/** A directory that is kept open: what is opened in it belongs to it, even if the path is replaced meanwhile. */
export interface RuntimeDirectory extends Disposable {
  /** The path of a file in it, for as long as it is open. */
  at(name: string): string;
}

/** Undefined where there is none. Throws CONTROL_FAILED for one that another user could have planted there. */
export function openRuntimeDirectory(path: string, uid: number): RuntimeDirectory | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "ENOENT") return undefined;
    // ENOTDIR and ELOOP: a file or a link. Directories that this user may not open are not its own.
    throw notOurs(path, cause);
  }
  const found = fstatSync(fd);
  if (found.uid !== uid || (found.mode & 0o022) !== 0) {
    closeSync(fd);
    throw notOurs(path);
  }
  return { at: (name) => `/proc/self/fd/${fd}/${name}`, [Symbol.dispose]: () => closeSync(fd) };
}

// --- internal ---

const CONFIG_PREFIX = "config-";
/** In hexadecimal digits. */
const DIGEST_LENGTH = 8;

function pathOf(directory: string, name: string, namespace: string | undefined): string {
  return join(directory, `${name}${namespace === undefined ? "" : `-${namespace}`}${SOCKET_SUFFIX}`);
}

const SOCKET_NAME = /^([a-z]+)-(.+:\d+)(?:-\d+)?\.sock$/;

function notOurs(path: string, cause?: unknown): LvscareError {
  return new LvscareError("CONTROL_FAILED", "it is not a directory that only this user can write to", {
    operation: `use ${path}`,
    cause,
  });
}
