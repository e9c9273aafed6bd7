import { LvscareError } from "../domain/errors.ts";
import { keyOf } from "../domain/virtual-server-name.ts";
import { listDaemons } from "./daemon-sockets.ts";

/** Another process cares for a virtual server. */
export class ClaimedElsewhere extends LvscareError {
  /** Its `formatServiceKey`. */
  readonly service: string;
  /** `pid 77` */
  readonly by: string;

  /** `file`: the configuration file by which it does, where that is known. */
  constructor(service: string, by: string, file?: string) {
    const where = file === undefined ? "" : `, as ${file} says`;
    super("ALREADY_RUNNING", `${by} already cares for ${service}${where}`, {
      remedy: "stop it first, or ask it with `lvscare status`",
    });
    this.service = service;
    this.by = by;
  }
}

/** The same failures with the configuration files of those processes, as far as these tell. */
export async function withTheirFiles(failures: readonly ClaimedElsewhere[]): Promise<readonly ClaimedElsewhere[]> {
  const { daemons } = await listDaemons({ mayHaveFile: true, timeoutMs: PATIENCE_MS });
  const files = new Map(
    daemons.flatMap(({ listing: { virtualServers, configFile } }) =>
      virtualServers.map((one): [string, string | undefined] => [keyOf(one), configFile]),
    ),
  );
  return failures.map(({ service, by }) => new ClaimedElsewhere(service, by, files.get(service)));
}

// --- internal ---

/** Nobody waits longer for a remark. */
const PATIENCE_MS = 1000;
