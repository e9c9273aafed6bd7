import { readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeError, errnoOf, LvscareError } from "../domain/errors.ts";
import { parseHolds, type Holds } from "../domain/hold.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";

/**
 * What operators asked for, written down so that it outlives a daemon: beside its control socket, for one virtual server of one network
 * namespace, until the next boot.
 */
export class HoldFile {
  readonly path: string;

  constructor(directory: string, key: ServiceKey) {
    const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/net"))?.[0] ?? "";
    this.path = join(directory, `${formatServiceKey(key).replaceAll(" ", "-")}-${namespace}.holds.json`);
  }

  /** None where nothing is written. A file that cannot be read is told of and left: the next request writes it anew. */
  read(logger: Logger): Holds {
    try {
      const holds = parseHolds(JSON.parse(readFileSync(this.path, "utf8")));
      if (holds !== undefined) return holds;
      logger.warn(`nothing is held: ${this.path} does not say what operators asked for`);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") logger.warn(`nothing is held: ${this.path}: ${describeError(error)}`);
    }
    return new Map();
  }

  /** Those that are listed now; the others are forgotten, lest one that is listed again much later comes back drained. */
  readListed(listed: readonly string[], logger: Logger): Holds {
    const holds = this.read(logger);
    const kept = new Map([...holds].filter(([server]) => listed.includes(server)));
    const gone = [...holds.keys()].filter((server) => !listed.includes(server));
    if (gone.length === 0) return holds;
    logger.info(`no longer listed, and no longer held: ${gone.join(", ")}`);
    try {
      this.write(kept);
    } catch (error) {
      logger.warn(describeError(error));
    }
    return kept;
  }

  /** Whole or not at all. Throws FILE_FAILED. */
  write(holds: Holds): void {
    const draft = `${this.path}.tmp`;
    try {
      if (holds.size === 0) return rmSync(this.path, { force: true });
      writeFileSync(draft, `${JSON.stringify(Object.fromEntries(holds), undefined, 2)}\n`, { mode: 0o600 });
      renameSync(draft, this.path);
    } catch (cause) {
      const errno = errnoOf(cause);
      throw new LvscareError("FILE_FAILED", cause instanceof Error ? cause.message : String(cause), {
        operation: `write ${this.path}`,
        ...(errno !== undefined && { errno }),
        cause,
      });
    }
  }
}
