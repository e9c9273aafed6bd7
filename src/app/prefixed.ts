import type { Logger } from "../domain/logger.ts";

/** Puts the name of its virtual server in front of each line. */
export function prefixed(logger: Logger, name: string): Logger {
  return {
    debug: (message, fields) =>
      logger.debug(typeof message === "string" ? `${name}: ${message}` : () => `${name}: ${message()}`, fields),
    info: (message, fields) => logger.info(`${name}: ${message}`, fields),
    warn: (message, fields) => logger.warn(`${name}: ${message}`, fields),
    error: (message, fields) => logger.error(`${name}: ${message}`, fields),
  };
}
