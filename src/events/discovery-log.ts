import type { DiscoveryEvent } from "../domain/discovery-event.ts";
import { formatDuration } from "../domain/duration.ts";
import type { Logger } from "../domain/logger.ts";
import { listFirst } from "../domain/name.ts";

/** The line in the log of what happened to discovered members. */
export function tellDiscovery(event: DiscoveryEvent, logger: Logger): void {
  switch (event.type) {
    case "members.listed":
      return logger.info(describeListed(event));
    case "members.kept":
      return logger.warn(`${event.source} ${describeKept(event)}`);
    case "members.ignored":
      return logger.warn(`${event.source} lists ${event.server}, which is ignored: it ${event.reason}`);
    case "members.missed":
      return logger.warn(`${event.source}: ${event.reason}; the members that are known stay`);
    case "members.found":
      return logger.info(`${event.source} can be read again`);
    case "members.recalled":
      return logger.warn(
        `nobody whom ${event.source} lists serves, so these are checked as well: ${listFirst(event.servers)}`,
      );
    case "members.dismissed":
      return logger.info(`whom ${event.source} lists serve again: the others are checked no more`);
    case "members.drained":
      return logger.info(
        `drained by the cluster (${event.source}): ${listFirst(event.addresses)}${event.by === undefined ? "" : `, by ${event.by}`}`,
      );
    case "members.undrained":
      return logger.info(`no longer drained by the cluster (${event.source}): ${listFirst(event.addresses)}`);
    case "members.unkept":
      return logger.warn(event.reason);
  }
}

// --- internal ---

function describeListed({
  source,
  added,
  removed,
  total,
}: Extract<DiscoveryEvent, { type: "members.listed" }>): string {
  const parts = [
    ...(added.length === 0 ? [] : [`${listFirst(added)} joined`]),
    ...(removed.length === 0 ? [] : [`${listFirst(removed)} left`]),
  ];
  const what = parts.length === 0 ? "" : `: ${parts.join(", ")}`;
  return `${source} lists ${total === 1 ? "1 real server" : `${total} real servers`}${what}`;
}

function describeKept({ guard, servers, confirmMs }: Extract<DiscoveryEvent, { type: "members.kept" }>): string {
  const who = listFirst(servers);
  switch (guard) {
    case "empty":
      return servers.length === 0 ? "lists nobody" : `lists nobody, which is not believed: ${who} stay`;
    case "too-many":
      return `no longer lists ${who}, too many at once: they stay until it has said so for ${formatDuration(confirmMs ?? 0)}, or their checks fail`;
    case "last-healthy":
      return `no longer lists ${who}, but nobody whom it lists serves yet: they stay until somebody does`;
  }
}
