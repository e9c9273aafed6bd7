import { formatDuration } from "../domain/duration.ts";
import { describeCombination, type CheckPace, type HealthCheckOptions, type HealthChecks } from "./combination.ts";
import { describeProbeChange } from "./describe-probe-change.ts";

/** What other checks change, for all real servers of a virtual server and for those that have checks of their own. */
export function describeChecksChange(before: HealthChecks, after: HealthChecks): readonly string[] {
  const [was, is] = [before.realServerProbes ?? new Map(), after.realServerProbes ?? new Map()];
  const ofServers = [...new Set([...was.keys(), ...is.keys()])].flatMap((server) => {
    const [old, now] = [was.get(server) ?? before.probe, is.get(server) ?? after.probe];
    return describeCheckChange(old, now).map((change) => `${server} ${change}`);
  });
  return [...describeCheckChange(before.probe, after.probe), ...ofServers];
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
