import { formatDuration } from "../domain/duration.ts";
import { describeError } from "../domain/errors.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Verdict } from "../domain/health.ts";
import type { Logger } from "../domain/logger.ts";
import { describeOperation } from "../domain/plan.ts";

/**
 * Turns what a supervisor tells into log lines: INFO for each transition, WARN for repairs and failures, DEBUG for probes and writes.
 * A failure that stays the same is said once, not every interval.
 */
export function createEventLog(logger: Logger): (event: CareEvent) => void {
  const lastFailure = new Map<string, string>();
  let failing: string | undefined;

  return (event) => {
    switch (event.type) {
      case "virtualServer.adopted":
        logger.info(event.existed ? "took over what stands in the table" : "nothing stands in the table yet", {
          ...event.states,
        });
        return;
      case "realServer.healthChanged":
        logger.info(`real server ${event.server} ${event.from} → ${event.to}: ${event.reason}`);
        return;
      case "realServer.probed":
        if (isNews(lastFailure, event.server, event.verdict))
          logger.debug(`probe of ${event.server} ${tell(event.verdict)}`);
        return;
      case "realServer.restarted":
        logger.error(`the checks of ${event.server} broke and start anew: ${describeError(event.error)}`);
        return;
      case "plan.applied":
        if (failing !== undefined) logger.info("writing to the data plane works again");
        failing = undefined;
        for (const operation of event.operations) {
          const repaired = event.repairs.includes(operation);
          if (repaired) logger.warn(`repaired what someone else changed: ${describeOperation(operation)}`);
          else logger.debug(describeOperation(operation));
        }
        return;
      case "plan.failed": {
        const message = describeError(event.error);
        if (message !== failing) logger.warn(`${message}; trying again in ${formatDuration(event.retryInMs)}`);
        failing = message;
      }
    }
  };
}

// --- internal ---

function isNews(lastFailure: Map<string, string>, server: string, verdict: Verdict): boolean {
  if (verdict.passed) {
    lastFailure.delete(server);
    return true;
  }
  const known = lastFailure.get(server) === verdict.reason;
  lastFailure.set(server, verdict.reason);
  return !known;
}

function tell(verdict: Verdict): string {
  return `${verdict.passed ? "passed" : "failed"}: ${verdict.reason} after ${formatDuration(verdict.latencyMs)}`;
}
