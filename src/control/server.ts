import { lstatSync, unlinkSync } from "node:fs";
import { LvscareError } from "../domain/errors.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { requestStatus } from "./client.ts";
import { STATUS_PATH } from "./protocol.ts";

export interface ControlServer {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Answers `lvscare status` at a socket that only its owner may use. Whoever calls this holds the claim on the virtual server, so a
 * socket that nobody answers at is a leftover; one that answers belongs to a daemon in another network namespace, and ours gets the
 * process id in its name.
 */
export async function serveControl(
  preferred: { readonly path: string; readonly otherwise: string },
  status: () => Promise<VirtualServerStatus>,
): Promise<ControlServer> {
  const path = (await isAnswered(preferred.path)) ? preferred.otherwise : preferred.path;
  const operation = `listen at ${path}`;
  try {
    removeLeftover(path);
    const server = withUmask(0o177, () =>
      Bun.serve({
        unix: path,
        fetch: (request) => answer(request, status),
        error: (error) => Response.json({ error: error.message }, { status: 500 }),
      }),
    );
    return {
      path,
      close: async () => {
        await server.stop(true);
        removeLeftover(path);
      },
    };
  } catch (cause) {
    throw cause instanceof LvscareError
      ? cause
      : new LvscareError("CONTROL_FAILED", (cause as Error).message, { operation, cause });
  }
}

// --- internal ---

async function answer(request: Request, status: () => Promise<VirtualServerStatus>): Promise<Response> {
  if (new URL(request.url).pathname !== STATUS_PATH) return Response.json({ error: "no such path" }, { status: 404 });
  if (request.method !== "GET") return Response.json({ error: "only GET is answered" }, { status: 405 });
  return Response.json(await status());
}

function isAnswered(path: string): Promise<boolean> {
  return requestStatus(path).then(
    () => true,
    () => false,
  );
}

/** Removes a socket, and nothing else that might lie at its path. */
function removeLeftover(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new LvscareError("CONTROL_FAILED", "something that is not a socket lies there", {
      operation: `listen at ${path}`,
      remedy: "remove it",
    });
  }
  unlinkSync(path);
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
