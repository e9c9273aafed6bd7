import { linkSync, lstatSync, rmSync, unlinkSync, type Stats } from "node:fs";
import { listenerAt } from "#native";
import { describeError, errnoOf, LvscareError } from "../domain/errors.ts";
import { Answers, type ControlSources } from "./answers.ts";
import { LARGEST_REQUEST_BYTES } from "./protocol.ts";

export interface ControlServer {
  readonly path: string;
  /** Its own socket is still there: cleaners of temporary files remove it, and a volume may be made again. */
  stands(): boolean;
  /** Takes no more requests; those under way are still answered. The file at its path is left. */
  retire(): Promise<void>;
  /** Ends the answers, those under way included, and removes the socket if it is its own. */
  close(): Promise<void>;
}

/**
 * Answers commands at a socket that only its owner may use: at the first of these paths that is free. Only a
 * socket that refuses connections counts as left behind. A process that is slow, stopped or busy keeps its own: it is
 * a daemon in another network namespace. Throws CONTROL_FAILED.
 */
export function serveControl(paths: readonly string[], sources: ControlSources): ControlServer {
  for (const path of paths) {
    const operation = `listen at ${path}`;
    try {
      if (!removeLeftover(path)) continue;
      const server = listenAt(path, new Answers(sources));
      if (server !== undefined) return server;
    } catch (cause) {
      if (cause instanceof LvscareError) throw cause;
      // Not in the runtime's words: they name the socket before it has its path, another one at each try.
      const errno = errnoOf(cause);
      const message = errno === undefined ? describeError(cause) : `the system refused with ${errno}`;
      throw new LvscareError("CONTROL_FAILED", message, { operation, ...(errno !== undefined && { errno }), cause });
    }
  }
  throw new LvscareError("CONTROL_FAILED", "others listen there", { operation: `listen at ${paths.join(" or ")}` });
}

// --- internal ---

/**
 * A check takes as long as the daemon may wait for a real server, but the runtime also closes connections of a Unix
 * socket after ten seconds. Its types lack this option for them, and a limit for a single request has no effect
 * there.
 */
const UNHURRIED: object = { idleTimeout: 0 };

/**
 * The runtime removes whatever is at the path that it listened at, even another process's socket. So it listens at a
 * path of this process alone, which is then linked to the right one: this is atomic and replaces nothing. Undefined
 * when another process was faster.
 */
function listenAt(path: string, answers: Answers): ControlServer | undefined {
  const own = `${path}.${crypto.randomUUID().slice(0, 8)}`;
  const server = withUmask(0o177, () =>
    Bun.serve({
      unix: own,
      fetch: (request) => answers.answer(request),
      ...UNHURRIED,
      maxRequestBodySize: LARGEST_REQUEST_BYTES,
      development: false,
      error: (error) => Response.json({ error: error.message }, { status: 500 }),
    }),
  );
  const socket = lstatSync(own);
  try {
    linkSync(own, path);
  } catch (error) {
    void server.stop(true);
    if (errnoOf(error) === "EEXIST") return undefined;
    throw error;
  }
  rmSync(own, { force: true });
  const stands = (): boolean => isSame(lstatSync(path, { throwIfNoEntry: false }), socket);
  return {
    path,
    stands,
    retire: () => server.stop(),
    close: async () => {
      // Done while it still listens: no other process takes its path before it is gone from there.
      if (stands()) unlinkSync(path);
      await server.stop(true);
    },
  };
}

/** Whether the path is free now: a socket without a listener is removed, but nothing else that might be there. */
function removeLeftover(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (!found.isSocket()) {
    throw new LvscareError("CONTROL_FAILED", "something that is not a socket lies there", {
      operation: `listen at ${path}`,
      remedy: "remove it",
    });
  }
  if (listenerAt(path) !== "nobody") return false;
  // Another process may have been faster, and may listen there by now.
  if (isSame(lstatSync(path, { throwIfNoEntry: false }), found)) unlinkSync(path);
  return true;
}

function isSame(one: Stats | undefined, other: Stats): boolean {
  return one?.ino === other.ino && one.dev === other.dev;
}

/** The mode of a unix socket is what the umask leaves; it is set for the one call that makes the socket. */
function withUmask<T>(mask: number, make: () => T): T {
  const before = process.umask(mask);
  try {
    return make();
  } finally {
    process.umask(before);
  }
}
