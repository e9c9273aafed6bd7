import { formatDuration } from "../domain/duration.ts";
import { describeError } from "../domain/errors.ts";
import { describeLeft, type CareEvent } from "../domain/events.ts";
import { outcomeOf, REAL_SERVER_STATES, type RealServerState, type Verdict } from "../domain/health.ts";
import { describeHold } from "../domain/hold.ts";
import type { Logger } from "../domain/logger.ts";
import { describeNamed, listFirst } from "../domain/name.ts";
import { describeOperation, type Operation } from "../domain/plan.ts";
import { describeConfigurationChange } from "../domain/virtual-server-configuration.ts";
import { tellDiscovery } from "./discovery-log.ts";

/**
 * Turns a supervisor's events into log lines: INFO for each transition, WARN for repairs and failures, DEBUG for
 * probes and writes. An unchanged failure is logged once, not in every interval. `culprit` names the process that may
 * be undoing our work, `nameOf` says what the real server at an address is called, `letsWait` whether clients of nobody
 * time out.
 */
export function createEventLog(
  logger: Logger,
  culprit: () => string,
  nameOf: (server: string) => string | undefined = () => undefined,
  letsWait: () => boolean = () => false,
): (event: CareEvent) => void {
  const named = (address: string): string => describeNamed({ address, name: nameOf(address) });
  const lastFailure = new Map<string, string>();
  let failing: string | undefined;
  let shortage: string | undefined;
  /** The table is not known: before the first round, or after one that failed. */
  let isUnknown = false;
  /** The last one of each server. */
  const notices = new Map<string, string>();
  /** Servers that could not be checked, with the verdicts that each has had since. */
  const unchecked = new Map<string, number>();

  return (event) => {
    switch (event.type) {
      case "virtualServer.adopted":
        isUnknown = true;
        logger.info(`${event.existed ? "took over the table" : "new virtual server"}: ${countStates(event.states)}`);
        return;
      case "virtualServer.configured":
        logger.info(describeConfigured(event));
        return;
      case "virtualServer.withdrawn":
        logger.info(`no longer configured: its real servers (${event.servers}) drain, then it is deleted`);
        return;
      case "realServer.departed":
        logger.info(`real server ${named(event.server)} is no longer configured, has drained and is gone`);
        return;
      case "probe.suspicious":
        logger.warn(
          `the changed probe lets no real server serve (${event.reason}): the one before it goes on deciding for ${event.servers.length} of them, until the probe is corrected or passes somewhere`,
        );
        return;
      case "probe.accepted":
        logger.info(
          event.passed + event.failed === 0
            ? "the changed probe decides from now on"
            : `the changed probe decides from now on: ${event.passed} passed it, ${event.failed} failed it`,
        );
        return;
      case "config.applied":
        logger.info(`took over ${event.file}: ${listFirst(event.changes, "; ")}`);
        return;
      case "config.unchanged":
        logger.info(`read ${event.file} again: nothing changed`);
        return;
      case "config.doubted":
        logger.warn(
          `${event.file} lacks what it had: ${listFirst(event.lost, ", ")}; if it still does in ${formatDuration(event.againMs)}, that is taken over (at once by lvscare reload)`,
        );
        return;
      case "config.rejected":
        logger.error(
          `nothing was changed, because ${event.file} is refused: ${event.problem}${event.problems === 1 ? "" : ` (and ${event.problems - 1} more)`}`,
        );
        return;
      case "virtualServer.emptied":
        logger.warn(
          `nobody is in service behind ${event.virtualServer}: clients are not served${letsWait() ? ", and their connections time out" : ""}`,
        );
        return;
      case "virtualServer.refilled":
        logger.info(`somebody is in service behind ${event.virtualServer} again`);
        return;
      case "realServer.healthChanged":
        logger.info(`real server ${named(event.server)} ${event.from} → ${event.to}: ${event.reason}`);
        return;
      case "realServer.probed":
        noteChecked(unchecked, event.server);
        if (unchecked.size === 0) shortage = undefined;
        if (isNewNotice(notices, event)) logger.warn(`${named(event.server)}: ${event.verdict.reason}`);
        if (isNews(lastFailure, event.server, event.verdict)) logger.debug(probeLine(event, named));
        return;
      case "realServer.unchecked":
        if (event.reason !== shortage) {
          logger.warn(
            `${named(event.server)} and perhaps others cannot be checked, and stay as they are: ${event.reason}`,
          );
        }
        shortage = event.reason;
        unchecked.set(event.server, 0);
        return;
      case "realServer.held":
        logger.info(`real server ${named(event.server)}, by an operator's request: ${describeHold(event.hold)}`);
        return;
      case "realServer.asked":
        logger.info(`real server ${named(event.server)}, as its check asks: ${event.asks} (${event.reason})`);
        return;
      case "agent.expired":
        logger.warn(`real server ${named(event.server)}: ${event.reason}; what it asked for counts no more`);
        return;
      case "agent.heard":
        logger.info(`real server ${named(event.server)}: the agent is heard again`);
        return;
      case "realServer.unanswered":
        logger.warn(
          `real server ${named(event.server)} answers neither its clients nor a check within ${formatDuration(event.afterMs)}: no new clients for it while another one serves`,
        );
        return;
      case "realServer.answered":
        logger.info(`real server ${named(event.server)} answers again`);
        return;
      case "realServer.restarted":
        logger.error(`the checks of ${named(event.server)} broke and start anew: ${describeError(event.error)}`);
        return;
      case "realServer.unlisted":
        logger.info(
          `real server ${named(event.server)} (weight ${event.weight}) is not listed: draining it, then removing it`,
        );
        return;
      case "plan.applied":
        if (event.complete && failing !== undefined) {
          logger.info("writing to the data plane works again");
          failing = undefined;
        }
        for (const operation of event.operations) {
          const repaired = event.repairs.includes(operation);
          if (repaired) logger.warn(`repaired what someone else changed: ${describeOperation(operation)}`);
          else if (isUnknown && overwrites(operation))
            logger.info(`was otherwise in the table: ${describeOperation(operation)}`);
          else logger.debug(() => describeOperation(operation));
        }
        if (event.complete) isUnknown = false;
        return;
      case "failOpen.entered":
        logger.warn(
          `fail-open: only ${event.healthy} of ${event.total} real servers are healthy, so these stay in service: ${event.retained.map(named).join(", ")}`,
        );
        return;
      case "failOpen.left":
        logger.info(`fail-open is over: ${event.healthy} of ${event.total} real servers are healthy`);
        return;
      case "lastResort.entered":
        logger.warn(
          `last resort: none of ${event.total} real servers is healthy, so these stay in service, which still accept connections: ${event.retained.map(named).join(", ")}`,
        );
        return;
      case "lastResort.left":
        logger.info(
          event.healthy > 0
            ? `the last resort is over: ${event.healthy} of ${event.total} real servers are healthy`
            : "the last resort is over",
        );
        return;
      case "repairs.recurring":
        logger.warn(
          `somebody keeps undoing this daemon's work (${event.repairs} repairs in ${formatDuration(event.withinMs)}): ${culprit()}`,
        );
        return;
      case "process.stalled":
        logger.warn(
          `this process was held up for ${formatDuration(event.forMs)} (a suspended or overloaded host); what failed meanwhile is checked again`,
        );
        return;
      case "certificate.expiring":
        logger.warn(describeExpiring(event, named(event.server)));
        return;
      case "reach.established":
        if (event.made) logger.info(`set up ${event.object}`);
        else logger.debug(`stands already: ${event.object}`);
        return;
      case "reach.repaired":
        logger.warn(`repaired what someone else changed: ${event.object} (${event.deviation})`);
        return;
      case "reach.left":
        tellLeft(event, logger);
        return;
      case "reach.failed":
        logger.error(`cannot keep ${event.object}: ${describeError(event.error)}; going on, and trying again`);
        return;
      case "reach.unwatched":
        logger.warn(
          `changes of this host go unheard and are looked for once an interval: ${describeError(event.error)}`,
        );
        return;
      case "way.answers": {
        const line = `through the virtual address a real server answers${event.again ? " again" : ""}, in ${formatDuration(event.latencyMs)}`;
        if (event.again) logger.info(line);
        else logger.debug(line);
        return;
      }
      case "way.lost":
        logger.warn(
          `through the virtual address nobody answers, although real servers are in service: ${event.problem}`,
        );
        return;
      case "way.untried":
        logger.error(`the way through the virtual address could not be tried: ${describeError(event.error)}`);
        return;
      case "plan.failed": {
        const message = describeError(event.error);
        if (message !== failing) logger.warn(`${message}; trying again in ${formatDuration(event.retryInMs)}`);
        failing = message;
        isUnknown = true;
        return;
      }
      default:
        tellDiscovery(event, logger);
    }
  };
}

/** A DEBUG line is enough for what the kernel does not have: no operator could do anything about that. */
export function tellLeft(event: Omit<Extract<CareEvent, { type: "reach.left" }>, "type">, logger: Logger): void {
  const { code, remedy } = event.error;
  const line = `${event.object} is ${describeLeft(event)}${remedy === undefined ? "" : ` (${remedy})`}`;
  if (code === "NOT_SUPPORTED") logger.debug(line);
  else logger.warn(line);
}

// --- internal ---

/**
 * A change that no transition explains: at a takeover, our value replaces another one. Later, slow starts and
 * operators make such changes.
 */
function overwrites(operation: Operation): boolean {
  return (
    operation.kind === "service.update" ||
    (operation.kind === "server.update" && operation.from.weight > 0 && operation.server.weight > 0)
  );
}

function describeConfigured({
  change,
  probe,
  returned,
}: Extract<CareEvent, { type: "virtualServer.configured" }>): string {
  const parts = [
    ...(returned ? ["again, before it was gone"] : []),
    ...(change === undefined ? [] : [describeConfigurationChange(change)]),
    ...(probe ? ["the probe, on trial"] : []),
  ];
  return `configured: ${parts.join(", ")}`;
}

function describeExpiring(event: Extract<CareEvent, { type: "certificate.expiring" }>, server: string): string {
  const { subject, issuer, notAfter, days } = event;
  const when = days === 0 ? "has expired" : `expires in less than ${days === 1 ? "a day" : `${days} days`}`;
  return `the certificate that ${server} shows (${subject}, by ${issuer}) ${when}: ${notAfter}`;
}

/** `2 healthy, 1 draining`, in the order of the state chart. */
function countStates(states: Readonly<Record<string, RealServerState>>): string {
  const all = Object.values(states);
  return REAL_SERVER_STATES.map((state) => [all.filter((one) => one === state).length, state] as const)
    .filter(([count]) => count > 0)
    .map(([count, state]) => `${count} ${state}`)
    .join(", ");
}

/**
 * Most checks go over a kept connection and need nothing new: only after this many was one of them sure to need a
 * descriptor and to get it.
 */
const ENOUGH_VERDICTS = 10;

function noteChecked(unchecked: Map<string, number>, server: string): void {
  const verdicts = unchecked.get(server);
  if (verdicts === undefined) return;
  if (verdicts + 1 < ENOUGH_VERDICTS) unchecked.set(server, verdicts + 1);
  else unchecked.delete(server);
}

function isNews(lastFailure: Map<string, string>, server: string, verdict: Verdict): boolean {
  if (verdict.passed) {
    lastFailure.delete(server);
    return true;
  }
  const known = lastFailure.get(server) === verdict.reason;
  lastFailure.set(server, verdict.reason);
  return !known;
}

/** Each is told once, and again after another one of that server. */
function isNewNotice(
  notices: Map<string, string>,
  { server, verdict }: Extract<CareEvent, { type: "realServer.probed" }>,
): boolean {
  const notice = verdict.passed ? verdict.notice : undefined;
  if (notice === undefined || notices.get(server) === notice) return false;
  notices.set(server, notice);
  return true;
}

/**
 * In a function of its own, because it makes a closure: in the handler of all events, each event would pay for that.
 */
function probeLine(
  { server, verdict }: Extract<CareEvent, { type: "realServer.probed" }>,
  named: (server: string) => string,
): () => string {
  return () => `probe of ${named(server)} ${tell(verdict)}`;
}

function tell(verdict: Verdict): string {
  const { reason, latencyMs, timings = {} } = verdict;
  const parts = [
    ["connect", timings.connectMs],
    ["TLS", timings.tlsMs],
    ["first byte", timings.firstByteMs],
  ] as const;
  const known = parts.flatMap(([name, ms]) => (ms === undefined ? [] : [`${name} ${formatDuration(ms)}`]));
  const spent = known.length === 0 ? "" : ` (${known.join(", ")})`;
  return `${outcomeOf(verdict)} in ${formatDuration(latencyMs)}${spent}: ${reason}`;
}
