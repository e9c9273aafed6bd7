import type { HttpProbeOptions } from "../../src/config/care-options.ts";
import { probesOf, type CheckPace, type HealthCheckOptions } from "../../src/config/combination.ts";
import type { ProbeOptions } from "../../src/config/probe-kinds/probe-kinds.ts";
import { statusPasses } from "../../src/probe/http/judgement.ts";
import type { Behaviour } from "../../src/simulation/behaviour.ts";
import type { Scenario } from "../../src/simulation/scenario.ts";

type Checked = Pick<Scenario, "checks" | "events">;

/** What random schedules are about: checks over HTTP, alone or beside others of them and of type tcp; all that are configured one after the other. */
export function httpProbesOf(scenario: Checked): readonly HttpProbeOptions[] {
  return checksOf(scenario)
    .flatMap(probesOf)
    .filter((probe) => probe.type === "http");
}

/** Over kept connections. */
export function hasSentinel(scenario: Checked): boolean {
  return httpProbesOf(scenario).some(({ sentinel }) => sentinel);
}

/** Of each of its checks, with what each takes at most. */
export function pacesOf(scenario: Scenario): readonly (CheckPace & { readonly timeoutMs: number })[] {
  return checksOf(scenario).flatMap((checks) => {
    if (checks.type !== "combination") return [{ ...scenario.options.policy, timeoutMs: checks.timeoutMs }];
    return checks.members.map(({ pace, probe }) => ({ ...pace, timeoutMs: probe.timeoutMs }));
  });
}

/** Those of its start, and those that a changed configuration has. */
export function checksOf({ checks, events }: Checked): readonly HealthCheckOptions[] {
  return [checks, ...events.flatMap((event) => (event.kind === "configuration" ? (event.checks ?? []) : []))];
}

/** By what a server does at the first request of a connection. */
export function passesAll(checks: HealthCheckOptions, behaviour: Behaviour | undefined): boolean {
  if (checks.type !== "combination") return passes(checks, behaviour);
  return checks.members.filter(({ probe }) => passes(probe, behaviour)).length >= checks.atLeast;
}

function passes(probe: ProbeOptions, behaviour: Behaviour | undefined): boolean {
  // To take a connection is enough.
  if (probe.type === "tcp") return behaviour?.kind === "answers" || behaviour?.kind === "hangs";
  if (probe.type !== "http") throw new Error(`a probe of type ${probe.type}`);
  return (
    behaviour?.kind === "answers" &&
    statusPasses(behaviour.status, probe) &&
    behaviour.afterMs + 1 < probe.timeoutMs &&
    !saysGoodbye(probe, behaviour)
  );
}

/** It says that it shuts down. */
export function saysGoodbye({ drainOn, timeoutMs }: HttpProbeOptions, behaviour: Behaviour | undefined): boolean {
  if (behaviour?.kind !== "answers" || behaviour.afterMs + 1 >= timeoutMs) return false;
  return drainOn.some(([from, to]) => behaviour.status >= from && behaviour.status <= to);
}
