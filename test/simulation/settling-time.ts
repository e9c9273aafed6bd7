import { hasSentinel, pacesOf } from "./http-probe.ts";
import type { HealthPolicy } from "../../src/domain/health-policy.ts";
import type { Scenario, ScenarioEvent } from "../../src/simulation/scenario.ts";

/** The longest pause between two attempts of a supervisor to write. */
const LONGEST_RETRY_MS = 5000;

/** When the last disturbance of a scenario is over. */
export function lastDisturbance({ events }: Scenario): number {
  return Math.max(0, ...events.map(endOf));
}

/**
 * How long after the last disturbance the table may still differ from what it should be. Two intervals are for noticing and for
 * writing; the rest is what the options ask for:
 *
 * - the check under way has its time (`--health-timeout`), and the next one may be an interval of removed servers away;
 * - `--fall` or `--rise` checks, each as long as its interval or as itself, whichever is longer; then the slow start;
 * - one more failed check to go from draining to removed, with `--drain connections` after the time for that;
 * - the pause after a failed write or read, doubled each time, so never longer than there was trouble;
 * - a write that was under way when the data plane still was slow, read and written once more;
 * - where a server answers otherwise over a kept connection: the next check over a new one, every tenth or after 20 seconds;
 * - strangers go after an interval at weight 0, and only once a real server has proven itself;
 * - after another configuration, those that left it drain first;
 * - another probe takes as many checks once more until it decides.
 */
export function settlingTime(scenario: Scenario): number {
  const reloads = scenario.events.filter((event) => event.kind === "configuration");
  const policies = [scenario.options.policy, ...reloads.flatMap(({ change }) => change?.policy ?? [])];
  const longestMs = Math.max(...policies.map((policy) => settlingTimeBy(policy, scenario)));
  // Who left drains once a listed one has proved itself, and what was begun by one policy is ended by the next.
  const drainMs = Math.max(...policies.map(({ drainTimeoutMs, intervalMs }) => drainTimeoutMs + 3 * intervalMs));
  const trials = reloads.some(({ checks }) => checks !== undefined) ? 2 : 1;
  return reloads.length === 0 ? longestMs : trials * longestMs + drainMs;
}

// --- internal ---

function settlingTimeBy(policy: HealthPolicy, scenario: Scenario): number {
  const { slowStartMs, drain, drainTimeoutMs } = policy;
  const paces = pacesOf({ ...scenario, options: { ...scenario.options, policy } });
  const longest = (key: "intervalMs" | "fastIntervalMs" | "downIntervalMs" | "timeoutMs" | "fall" | "rise"): number =>
    Math.max(...paces.map((pace) => pace[key]));
  const [intervalMs, downIntervalMs, checkMs] = [
    Math.max(policy.intervalMs, longest("intervalMs")),
    longest("downIntervalMs"),
    longest("timeoutMs"),
  ];
  const perCheckMs = Math.max(intervalMs, longest("fastIntervalMs"), checkMs);
  const thresholdsMs = Math.max(longest("fall"), longest("rise")) * perCheckMs;
  const drainMs = perCheckMs + checkMs + (drain === "connections" ? drainTimeoutMs + perCheckMs : 0);
  const faults = scenario.events.flatMap((event) => (event.kind === "data-plane" ? [event.fault] : []));
  const slowestMs = Math.max(0, ...faults.map((fault) => (fault.kind === "takes" ? fault.latencyMs : 0)));
  const retryMs = faults.some(({ kind }) => kind.startsWith("refuses"))
    ? Math.min(LONGEST_RETRY_MS, lastDisturbance(scenario) + 100)
    : 0;
  const isTwoFaced = scenario.events.some(
    (event) =>
      event.kind === "server" &&
      event.phases.some(({ behaviour }) => behaviour.kind === "answers" && behaviour.keptStatus !== undefined),
  );
  const freshMs = isTwoFaced && hasSentinel(scenario) ? Math.min(10 * perCheckMs, 20_000 + perCheckMs) : 0;
  return (
    freshMs +
    2 * intervalMs +
    checkMs +
    Math.max(downIntervalMs, perCheckMs) +
    thresholdsMs +
    slowStartMs +
    drainMs +
    2 * retryMs +
    3 * slowestMs +
    3 * intervalMs
  );
}

function endOf(event: ScenarioEvent): number {
  if (event.kind !== "daemon") return event.atMs;
  return event.atMs + (event.act.kind === "stalls" ? event.act.forMs : event.act.afterMs);
}
