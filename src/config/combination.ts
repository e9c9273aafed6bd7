import type { HealthPolicy } from "../domain/health-policy.ts";
import type { ProbeOptions } from "./probe-kinds/probe-kinds.ts";

/** Several checks of a real server that decide together. */
export interface CombinationOptions {
  readonly type: "combination";
  /** How many of them have to pass: 1 for any, their number for all. */
  readonly atLeast: number;
  readonly members: readonly MemberOptions[];
}

/** One of them. */
export interface MemberOptions {
  /** No other one of them has it. */
  readonly name: string;
  readonly probe: ProbeOptions;
  readonly pace: CheckPace;
}

/** When a check is made, and how many outcomes in a row count. */
export type CheckPace = Pick<HealthPolicy, "fall" | "rise" | "intervalMs" | "fastIntervalMs" | "downIntervalMs">;

/** How a real server is checked: by one check, or by several. */
export type HealthCheckOptions = ProbeOptions | CombinationOptions;

/** How the real servers of one virtual server are checked. */
export interface HealthChecks {
  readonly probe: HealthCheckOptions;
  /** Of real servers that are checked otherwise, by formatted endpoint. Absent where there are none. */
  readonly realServerProbes?: ReadonlyMap<string, HealthCheckOptions>;
}

/** Of a combination, no more: each of them is a check of its own for each real server. */
export const MOST_MEMBERS = 16;

export function paceOf({ fall, rise, intervalMs, fastIntervalMs, downIntervalMs }: CheckPace): CheckPace {
  return { fall, rise, intervalMs, fastIntervalMs, downIntervalMs };
}

/** How this real server is checked, by its formatted endpoint. */
export function checkOf({ probe, realServerProbes }: HealthChecks, server: string): HealthCheckOptions {
  return realServerProbes?.get(server) ?? probe;
}

/** Whether these real servers, by their formatted endpoints, are checked alike. */
export function checksAlike(before: HealthChecks, after: HealthChecks, servers: readonly string[]): boolean {
  return (
    Bun.deepEquals(before.probe, after.probe) &&
    servers.every((server) => {
      const [was, is] = [checkOf(before, server), checkOf(after, server)];
      return was === is || Bun.deepEquals(was, is);
    })
  );
}

/** Each single check of these. */
export function probesOf(options: HealthCheckOptions): readonly ProbeOptions[] {
  return options.type === "combination" ? options.members.map(({ probe }) => probe) : [options];
}

/** `all of web, agent`, `any of …`, `at least 2 of …`. */
export function describeCombination({ atLeast, members }: CombinationOptions): string {
  const names = members.map(({ name }) => name).join(", ");
  if (members.length === 1) return names;
  return `${atLeast === members.length ? "all" : atLeast === 1 ? "any" : `at least ${atLeast}`} of ${names}`;
}
