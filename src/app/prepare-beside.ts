import type { CareConfig, VirtualServerOptions } from "../config/care-options.ts";
import { describeError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { listFirst } from "../domain/name.ts";
import { fullName } from "./about.ts";
import type { Caretaker, PreparedConfig } from "./caretaker.ts";

/**
 * Prepares a start, and that the virtual servers which are left from before it leave. Where they cannot, they keep
 * nobody from beginning.
 */
export async function prepareBeside(
  orphans: readonly VirtualServerOptions[],
  config: CareConfig,
  caretaker: Caretaker,
  logger: Logger,
): Promise<PreparedConfig> {
  try {
    const prepared = await caretaker.prepare(config, orphans);
    for (const one of orphans)
      logger.warn(`${fullName(one)} left the configuration while no daemon ran: its real servers drain, then it goes`);
    return prepared;
  } catch (error) {
    const prepared = await caretaker.prepare(config);
    const names = listFirst(orphans.map(fullName));
    logger.warn(`no longer in the configuration, and left as they are: ${names}: ${describeError(error)}`);
    return prepared;
  }
}
