import { readdirSync } from "node:fs";
import { join } from "node:path";
import { SOCKET_SUFFIX } from "../control/protocol.ts";
import { runtimeDirectory } from "../control/runtime-directory.ts";

/** Where this user's daemons put their sockets. */
export function daemonFolder(): string {
  return runtimeDirectory(process.env, process.getuid?.() ?? 0);
}

/** The sockets of this user's daemons, those that a killed one left included. */
export function daemonSockets(folder = daemonFolder()): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(SOCKET_SUFFIX))
      .toSorted()
      .map((name) => join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
