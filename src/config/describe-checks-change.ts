import { formatDuration } from "../domain/duration.ts";
import {
  checkOf,
  describeCombination,
  type CheckPace,
  type HealthCheckOptions,
  type HealthChecks,
} from "./combination.ts";
import { describeProbe, describeProbeChange } from "./describe-probe-change.ts";

/**
 * What other checks change, for all real servers of a virtual server, and for those of these that have, or had, checks of
 * their own, by their formatted endpoints.
 */
export function describeChecksChange(
  before: HealthChecks,
  after: HealthChecks,
  servers: readonly string[],
): readonly string[] {
  const ofServers = servers
    .filter((server) => [before, after].some(({ realServerProbes }) => realServerProbes?.has(server) === true))
    .flatMap((server) =>
      describeCheckChange(checkOf(before, server), checkOf(after, server)).map((change) => `${server} ${change}`),
    );
  return [...describeCheckChange(before.probe, after.probe), ...ofServers];
}

/** What real servers are asked that have no check of their own, by the keys of a configuration file. */
export function describeChecks({ probe, realServerProbes }: HealthChecks): readonly string[] {
  const own = realServerProbes === undefined ? [] : [`with checks of their own: ${realServerProbes.size}`];
  if (probe.type !== "combination") return [...describeProbe(probe), ...own];
  const members = probe.members.flatMap((one) => describeProbe(one.probe).map((text) => `${one.name}.${text}`));
  return [`probes: ${describeCombination(probe)}`, ...members, ...own];
}

// --- internal ---

function describeCheckChange(before: HealthCheckOptions, after: HealthCheckOptions): readonly string[] {
  if (before.type !== "combination" && after.type !== "combination") return describeProbeChange(before, after);
  const [was, is] = [before, after].map((one) =>
    one.type === "combination" ? `probes: ${describeCombination(one)}` : `type: ${one.type}`,
  );
  if (was !== is || before.type !== "combination" || after.type !== "combination") return [is ?? ""];
  return after.members.flatMap(({ name, probe, pace }, at) => {
    const old = before.members[at];
    if (old === undefined) return [];
    return [...describeProbeChange(old.probe, probe), ...describePaceChange(old.pace, pace)].map(
      (change) => `${name}.${change}`,
    );
  });
}

function describePaceChange(before: CheckPace, after: CheckPace): readonly string[] {
  const [was, is] = [written(before), written(after)];
  return [...is].flatMap(([key, text]) => (was.get(key) === text ? [] : [`${key}: ${text}`]));
}

function written(pace: CheckPace): ReadonlyMap<string, string> {
  return new Map([
    ["fall", String(pace.fall)],
    ["rise", String(pace.rise)],
    ["interval", formatDuration(pace.intervalMs)],
    ["interval-fast", formatDuration(pace.fastIntervalMs)],
    ["interval-down", formatDuration(pace.downIntervalMs)],
  ]);
}
