import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { LvscareError } from "../domain/errors.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import { SOCKET_SUFFIX } from "./protocol.ts";

/** Where daemons of this user put their sockets: `/run/lvscare` for root, `$XDG_RUNTIME_DIR/lvscare` for others. */
export function runtimeDirectory(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return "/run/lvscare";
  const base = env["XDG_RUNTIME_DIR"];
  return base === undefined || base === "" ? `/run/user/${uid}/lvscare` : join(base, "lvscare");
}

/** Where the daemon of a virtual server listens: `tcp-10.103.97.12:6443.sock`. */
export function socketPath(directory: string, key: ServiceKey, pid?: number): string {
  const name = formatServiceKey(key).replaceAll(" ", "-");
  return join(directory, `${name}${pid === undefined ? "" : `-${pid}`}${SOCKET_SUFFIX}`);
}

/** Makes the directory for this user alone, and refuses one that somebody else could have planted there. */
export function makeRuntimeDirectory(path: string, uid: number): void {
  const operation = `make ${path}`;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new LvscareError("CONTROL_FAILED", (cause as Error).message, { operation, cause });
  }
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0) {
    throw new LvscareError("CONTROL_FAILED", "it is not a directory that only this user can write to", { operation });
  }
}
