import { resolve } from "node:path";
import { requestReload } from "../control/client.ts";
import { LvscareError } from "../domain/errors.ts";
import { listFirst } from "../domain/name.ts";
import type { ReloadReport } from "../domain/reload.ts";
import { listDaemons } from "./daemon-sockets.ts";

/**
 * Has the daemon with this configuration file read it again, and waits until that is done; without a file named, the
 * only daemon that has one. `waitMs`: for so long, it waits for changed probes to decide. Rejects with NOT_RUNNING where there is none, and with USAGE where there are several.
 */
export async function reloadDaemon(file: string | undefined, waitMs = 0): Promise<ReloadReport> {
  const { daemons, complaints } = await listDaemons({ mayHaveFile: true });
  const running = daemons.flatMap(({ socket, listing: { configFile } }) =>
    configFile === undefined ? [] : [{ socket, configFile }],
  );
  const meant = file === undefined ? running : running.filter(({ configFile }) => configFile === resolve(file));
  const [daemon, ...others] = meant;
  const files = listFirst(running.map(({ configFile }) => configFile));
  if (daemon === undefined) {
    const nobody = `no daemon of this user runs with ${file === undefined ? "a configuration file" : resolve(file)}`;
    // One that is busy may be the one that is meant, and carry it out all the same.
    if (complaints.length > 0) throw new LvscareError("CONTROL_FAILED", [nobody, ...complaints].join("; "));
    throw new LvscareError("NOT_RUNNING", nobody, {
      remedy: running.length === 0 ? "one that was started with flags has no file to read again" : `there are ${files}`,
    });
  }
  if (others.length > 0) {
    throw new LvscareError("USAGE", `${meant.length} daemons run with a configuration file`, {
      remedy: `name the one that is meant with --config: ${files}`,
    });
  }
  return requestReload(daemon.socket, waitMs);
}
