import type { ControlSources } from "../control/answers.ts";
import { configSocketPath, makeRuntimeDirectory, runtimeDirectory, socketPath } from "../control/runtime-directory.ts";
import { serveControl, type ControlServer } from "../control/server.ts";
import { describeError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import { networkNamespace } from "./network-namespace.ts";

export interface ControlSocketOptions {
  /** What the process cares for at its start. */
  readonly keys: readonly ServiceKey[];
  /** How often to look for the daemon's own socket, and to make it again if it is gone. */
  readonly intervalMs: number;
  readonly logger: Logger;
  /** Once: it can be asked from now on, or the first try to make the socket has failed. */
  readonly opened: () => void;
  /** It was gone and is made again. Other files beside it may be gone too. */
  readonly remade: () => void;
}

/**
 * Keeps the control socket of this process, and returns a function that closes it. It does not wait for the
 * socket, because the virtual servers come first. A daemon whose socket cannot be made still does its work: that is
 * worth a warning and another try, not an outage.
 */
export function openControlSocket(
  { keys, intervalMs, logger, opened, remade }: ControlSocketOptions,
  sources: ControlSources,
): () => Promise<void> {
  let server: ControlServer | undefined;
  let problem: string | undefined;
  const keep = (): void => {
    try {
      if (server?.stands() === true) return;
      const next = serve(keys, sources);
      const [previous, isLate] = [server, problem !== undefined];
      server = next;
      problem = undefined;
      if (previous !== undefined) {
        void previous.retire();
        logger.warn(
          `somebody removed or replaced ${previous.path}; \`lvscare status\` finds this daemon at ${next.path}`,
        );
        remade();
      } else if (isLate) logger.info(`\`lvscare status\` finds this daemon at ${next.path}`);
    } catch (error) {
      const message = describeError(error);
      if (message !== problem) logger.warn(`\`lvscare status\` will not find this daemon: ${message}`);
      problem = message;
    }
  };
  const first = setImmediate(() => {
    keep();
    opened();
  });
  const timer = setInterval(keep, Math.min(intervalMs, LONGEST_MS));
  timer.unref();
  return async () => {
    clearImmediate(first);
    clearInterval(timer);
    await server?.close();
  };
}

// --- internal ---

const LONGEST_MS = 60_000;

function serve(keys: readonly ServiceKey[], sources: ControlSources): ControlServer {
  const uid = process.getuid?.() ?? 0;
  const directory = runtimeDirectory(process.env, uid);
  makeRuntimeDirectory(directory, uid);
  const pathIn = (namespace?: string): string => {
    const [key, ...others] = keys;
    if (sources.configFile === undefined && key !== undefined && others.length === 0)
      return socketPath(directory, key, namespace);
    // Without a file, such as inside another program, it is told from others by what it began with.
    const identity = sources.configFile ?? keys.map(formatServiceKey).join(", ");
    return configSocketPath(directory, identity, namespace);
  };
  return serveControl([pathIn(), pathIn(networkNamespace())], sources);
}
