import { describeError, LvscareError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { HostObject } from "./host-object.ts";

/** The same thing, made only if this process may: if not, that is said once, and it counts as it is. */
export function leaveIfRefused(object: HostObject, logger: Pick<Logger, "warn">): HostObject {
  let tolerated: string | undefined;
  return {
    ...object,
    async inspect() {
      const deviation = await object.inspect();
      return deviation === tolerated ? undefined : deviation;
    },
    async establish() {
      try {
        await object.establish();
      } catch (error) {
        if (!(error instanceof LvscareError) || error.code !== "NOT_PERMITTED") throw error;
        tolerated = await object.inspect();
        logger.warn(`going on without it: ${describeError(error)}`);
      }
    },
  };
}
