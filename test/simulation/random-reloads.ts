import type { StatusRange } from "../../src/config/care-options.ts";
import { paceOf, type HealthCheckOptions } from "../../src/config/combination.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { HealthPolicy } from "../../src/domain/health-policy.ts";
import { realServer } from "../../src/domain/virtual-server.ts";
import type { VirtualServerConfiguration } from "../../src/domain/virtual-server-configuration.ts";
import { CONNECTING } from "../../src/probe/tcp/tcp-prober.ts";
import { readEvent } from "../../src/simulation/read-event.ts";
import type { Scenario, ScenarioEvent } from "../../src/simulation/scenario.ts";
import type { Dice } from "./dice.ts";

/** Another configuration, or a server that only a later configuration lists and that behaves so. Plain data. */
export type Reload = { readonly atMs: number } & (
  | { readonly kind: "server"; readonly text: string }
  | { readonly kind: "withdraw" }
  | { readonly kind: "reprobe"; readonly probe: (typeof CHANGED_PROBES)[number] }
  | {
      readonly kind: "configure";
      /** Weights by formatted endpoint. */
      readonly servers?: Readonly<Record<string, number>>;
      readonly drained?: readonly string[];
      readonly scheduler?: string;
      readonly policy?: Partial<HealthPolicy>;
    }
);

/** Who may be listed later. */
export const NEWCOMERS: readonly string[] = ["10.0.0.5:80", "10.0.0.6:80", "10.0.0.7:80"];

/** In one of three schedules: servers come, go, come back and change, and in some the virtual server goes at the end. */
export function randomReloads(
  dice: Dice,
  listed: readonly string[],
  intervalMs: number,
  troubleMs: number,
): readonly Reload[] {
  if (!dice.chance(1 / 3)) return [];
  const reloads: Reload[] = [];
  const anyTime = (): number => Math.round((0.02 + 0.96 * dice.next()) * troubleMs);
  for (const server of NEWCOMERS) {
    while (dice.chance(0.4))
      reloads.push({
        atMs: anyTime(),
        kind: "server",
        text: `${server} ${dice.pick(["answers", "answers 503", "refuses", "hangs"])}`,
      });
    if (dice.chance(0.7)) reloads.push({ atMs: troubleMs, kind: "server", text: `${server} answers` });
  }
  const everybody = [...listed, ...NEWCOMERS];
  let current = new Map(listed.map((server) => [server, 1]));
  const some = (): string[] => everybody.filter(() => dice.chance(0.4));
  const times = Array.from({ length: dice.from(1, 6) }, anyTime).toSorted((a, b) => a - b);
  for (const atMs of times) {
    const next = new Map(current);
    const what = dice.pick([
      "add",
      "add",
      "remove",
      "remove",
      "replace",
      "weight",
      "all",
      "drain",
      "scheduler",
      "policy",
      "nothing",
    ]);
    if (what === "add") for (const server of some()) next.set(server, dice.pick([1, 1, 3]));
    if (what === "remove") for (const server of some()) next.delete(server);
    if (what === "replace") {
      next.clear();
      for (const server of everybody) if (!current.has(server)) next.set(server, 1);
    }
    if (what === "all") {
      next.clear();
      for (const server of some()) next.set(server, dice.pick([1, 5]));
    }
    if (what === "weight") for (const server of next.keys()) if (dice.chance(0.5)) next.set(server, dice.from(1, 5));
    if (next.size === 0) next.set(dice.pick(everybody), 1);
    const isListNew = what !== "drain" && what !== "scheduler" && what !== "policy" && what !== "nothing";
    reloads.push({
      atMs,
      kind: "configure",
      ...(isListNew && { servers: Object.fromEntries(next) }),
      ...(what === "drain" && { drained: [...next.keys()].filter(() => dice.chance(0.4)) }),
      ...(what === "scheduler" && { scheduler: dice.pick(["rr", "wrr", "lc"]) }),
      ...(what === "policy" && { policy: randomPolicy(dice, intervalMs) }),
    });
    current = next;
  }
  if (dice.chance(0.15)) reloads.push({ atMs: troubleMs, kind: "withdraw" });
  return reloads.toSorted((a, b) => a.atMs - b.atMs);
}

/** What a probe over HTTP may become. */
const CHANGED_PROBES = ["strict", "lax", "hasty", "connecting", "combined", "as at first", "wrong", "wrong"] as const;

/** At random moments the probe is another one. */
export function randomProbes(dice: Dice, troubleMs: number): readonly Reload[] {
  return Array.from({ length: dice.from(1, 4) }, () => ({
    atMs: Math.round((0.02 + 0.96 * dice.next()) * troubleMs),
    kind: "reprobe",
    probe: dice.pick(CHANGED_PROBES),
  }));
}

/** It lets no server serve, whatever that does here. */
export function isWrong(checks: HealthCheckOptions): boolean {
  return checks.type === "http" && checks.onlyStatus === NEVER_ANSWERED;
}

/** The same scenario with these. */
export function withReloads(scenario: Scenario, reloads: readonly Reload[] = []): Scenario {
  if (reloads.length === 0) return scenario;
  const { service, policy } = scenario.options;
  let latest = policy;
  const events = reloads.map((reload): ScenarioEvent => {
    const { atMs, kind } = reload;
    if (kind === "reprobe")
      return {
        atMs,
        text: `probe: ${reload.probe}`,
        kind: "configuration",
        change: {},
        checks: changed(scenario, reload.probe),
      };
    if (kind === "server") return { ...readEvent(`${atMs}ms ${reload.text}`), atMs };
    if (kind === "withdraw") return { atMs, text: "withdraw", kind: "configuration", change: undefined };
    latest = { ...latest, ...reload.policy };
    const servers = reload.servers && Object.entries(reload.servers);
    const change: Partial<VirtualServerConfiguration> = {
      ...(servers && { realServers: servers.map(([server, weight]) => realServer(parseEndpoint(server), weight)) }),
      ...(reload.drained && { drained: new Set(reload.drained) }),
      ...(reload.scheduler !== undefined && { service: { ...service, scheduler: reload.scheduler } }),
      ...(reload.policy && { policy: latest }),
    };
    return { atMs, text: JSON.stringify(reload), kind: "configuration", change };
  });
  return { ...scenario, events: [...scenario.events, ...events].toSorted((a, b) => a.atMs - b.atMs) };
}

// --- internal ---

const NEVER_ANSWERED: readonly StatusRange[] = [[299, 299]];

function changed({ options: { probe, policy } }: Scenario, to: (typeof CHANGED_PROBES)[number]): HealthCheckOptions {
  if (probe.type !== "http") throw new Error("a schedule of other checks");
  const { timeoutMs, connectTimeoutMs } = probe;
  const connecting = { ...CONNECTING, timeoutMs, connectTimeoutMs };
  switch (to) {
    case "strict":
      return { ...probe, onlyStatus: [[200, 200]] };
    case "lax":
      return { ...probe, acceptStatus: [404, 500, 503] };
    case "hasty":
      return { ...probe, timeoutMs: timeoutMs / 2, connectTimeoutMs: Math.min(connectTimeoutMs, timeoutMs / 2) };
    case "connecting":
      return connecting;
    case "combined": {
      const pace = paceOf(policy);
      const both = [probe, connecting].map((one) => ({ name: one.type, pace, probe: one }));
      return { type: "combination", atLeast: both.length, members: both };
    }
    case "as at first":
      return probe;
    case "wrong":
      return { ...probe, onlyStatus: NEVER_ANSWERED };
  }
}

function randomPolicy(dice: Dice, intervalMs: number): Partial<HealthPolicy> {
  return {
    ...(dice.chance(0.4) && { fall: dice.from(1, 3) }),
    ...(dice.chance(0.4) && { rise: dice.from(1, 3) }),
    ...(dice.chance(0.3) && { intervalMs: intervalMs * dice.pick([0.5, 2]) }),
    ...(dice.chance(0.3) && { fastIntervalMs: intervalMs * dice.pick([0.1, 1]) }),
    ...(dice.chance(0.3) && { drain: dice.pick(["connections", "next-check"] as const) }),
    ...(dice.chance(0.3) && { drainTimeoutMs: intervalMs * dice.pick([0.5, 3]) }),
    ...(dice.chance(0.3) && { slowStartMs: intervalMs * dice.pick([0, 2]) }),
    ...(dice.chance(0.3) && { panicThreshold: dice.pick([0, 34, 50, 67]) }),
    ...(dice.chance(0.2) && { lastResort: dice.chance(0.5) }),
  };
}
