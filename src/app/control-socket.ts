import { makeRuntimeDirectory, runtimeDirectory, socketPath } from "../control/runtime-directory.ts";
import { serveControl, type AnswerSources, type ControlServer } from "../control/server.ts";
import { describeError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";

/**
 * Opens the control socket of a virtual server, and returns what closes it. Neither is waited for: who else listens there may take its time
 * to say so. A daemon whose socket cannot be made still does its work: that is worth a warning, not an outage.
 */
export function openControlSocket(key: ServiceKey, sources: AnswerSources, logger: Logger): () => Promise<void> {
  let server: ControlServer | undefined;
  let isClosed = false;
  const open = async (): Promise<void> => {
    // The virtual server first.
    await new Promise(setImmediate);
    if (isClosed) return;
    try {
      server = await serve(key, sources);
      if (isClosed) await server.close();
    } catch (error) {
      logger.warn(`\`lvscare status\` will not find this daemon: ${describeError(error)}`);
    }
  };
  void open();
  return async () => {
    isClosed = true;
    await server?.close();
  };
}

// --- internal ---

async function serve(key: ServiceKey, sources: AnswerSources): Promise<ControlServer> {
  const uid = process.getuid?.() ?? 0;
  const directory = runtimeDirectory(process.env, uid);
  makeRuntimeDirectory(directory, uid);
  return serveControl(
    { path: socketPath(directory, key), otherwise: socketPath(directory, key, process.pid) },
    sources,
  );
}
