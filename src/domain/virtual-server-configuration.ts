import { formatEndpoint } from "./endpoint.ts";
import type { HealthPolicy } from "./health-policy.ts";
import type { DesiredVirtualServer } from "./plan.ts";
import { sameRealServer, sameService, type RealServer, type VirtualServer } from "./virtual-server.ts";

/** What a running virtual server can be given anew, all but its identity: protocol and endpoint never change. */
export interface VirtualServerConfiguration {
  readonly service: VirtualServer;
  readonly realServers: readonly RealServer[];
  readonly policy: HealthPolicy;
  /** How a real server begins that is not in the table: `down` needs one good check first. */
  readonly initState: "down" | "up";
  /** What to do with real servers in the table that nobody ever listed. */
  readonly unlisted: DesiredVirtualServer["unlisted"];
  /** Formatted endpoints of listed real servers that the configuration itself keeps at weight 0. */
  readonly drained: ReadonlySet<string>;
}

/** How one configuration differs from the one before it. Real servers are formatted endpoints. */
export interface ConfigurationChange {
  readonly scheduler?: { readonly from: string; readonly to: string };
  /** The virtual server's flags or its persistence. */
  readonly persistence?: true;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly weights: readonly { readonly server: string; readonly from: number; readonly to: number }[];
  /** Listed before and after, with other settings than the weight. */
  readonly edited: readonly string[];
  readonly drained: readonly string[];
  readonly undrained: readonly string[];
  /** The changed values of the policy. */
  readonly policy: readonly (keyof HealthPolicy)[];
  readonly initState?: VirtualServerConfiguration["initState"];
  readonly unlisted?: VirtualServerConfiguration["unlisted"];
}

/** Undefined where both ask for the same. The order of real servers means nothing. */
export function configurationChange(
  before: VirtualServerConfiguration,
  after: VirtualServerConfiguration,
): ConfigurationChange | undefined {
  const [was, is] = [byName(before.realServers), byName(after.realServers)];
  const { scheduler } = after.service;
  const both = [...is].flatMap(([server, to]) => {
    const from = was.get(server);
    return from === undefined || from === to || sameRealServer(from, to) ? [] : [{ server, from, to }];
  });
  const change: ConfigurationChange = {
    ...(before.service.scheduler !== scheduler && { scheduler: { from: before.service.scheduler, to: scheduler } }),
    ...(!sameService({ ...before.service, scheduler }, after.service) && { persistence: true as const }),
    added: [...is.keys()].filter((server) => !was.has(server)),
    removed: [...was.keys()].filter((server) => !is.has(server)),
    weights: both
      .filter(({ from, to }) => from.weight !== to.weight)
      .map(({ server, from, to }) => ({ server, from: from.weight, to: to.weight })),
    edited: both
      .filter(({ from, to }) => !sameRealServer({ ...from, weight: to.weight }, to))
      .map(({ server }) => server),
    drained: [...after.drained].filter((server) => !before.drained.has(server)),
    undrained: [...before.drained].filter((server) => !after.drained.has(server) && is.has(server)),
    policy: keysOf(after.policy).filter((key) => before.policy[key] !== after.policy[key]),
    ...(before.initState !== after.initState && { initState: after.initState }),
    ...(before.unlisted !== after.unlisted && { unlisted: after.unlisted }),
  };
  return Object.values(change).some((part) => !Array.isArray(part) || part.length > 0) ? change : undefined;
}

/** `scheduler rr → wrr, 10.0.0.3:80 added, weight of 10.0.0.1:80 1 → 5, policy (fall, rise)`; long lists in part. */
export function describeConfigurationChange(change: ConfigurationChange): string {
  const { scheduler, persistence, weights, policy, initState, unlisted } = change;
  const servers = (what: "added" | "removed" | "edited" | "drained" | "undrained", word: string = what): string[] =>
    change[what].length === 0 ? [] : [`${inPart(change[what])} ${word}`];
  return [
    ...(scheduler === undefined ? [] : [`scheduler ${scheduler.from} → ${scheduler.to}`]),
    ...(persistence === undefined ? [] : ["persistence"]),
    ...servers("added"),
    ...servers("removed"),
    ...(weights.length === 0
      ? []
      : [`weight of ${inPart(weights.map(({ server, from, to }) => `${server} ${from} → ${to}`))}`]),
    ...servers("edited", "set otherwise"),
    ...servers("drained"),
    ...servers("undrained", "no longer drained"),
    ...(policy.length === 0 ? [] : [`policy (${policy.map((key) => POLICY_WORDS[key]).join(", ")})`]),
    ...(initState === undefined ? [] : [`init-state ${initState}`]),
    ...(unlisted === undefined ? [] : [`unlisted real servers: ${unlisted}`]),
  ].join(", ");
}

// --- internal ---

/** As options call them. */
const POLICY_WORDS: Readonly<Record<keyof HealthPolicy, string>> = {
  fall: "fall",
  rise: "rise",
  intervalMs: "interval",
  fastIntervalMs: "interval-fast",
  downIntervalMs: "interval-down",
  drain: "drain",
  drainTimeoutMs: "drain-timeout",
  slowStartMs: "slow-start",
  panicThreshold: "panic-threshold",
  lastResort: "last-resort",
};

/** So many names of one kind are enough for a line. */
const MOST_NAMES = 5;

function inPart(texts: readonly string[]): string {
  const more = texts.length - MOST_NAMES;
  return texts.slice(0, MOST_NAMES).join(", ") + (more > 0 ? `, and ${more} more` : "");
}

function byName(realServers: readonly RealServer[]): ReadonlyMap<string, RealServer> {
  return new Map(realServers.map((server) => [formatEndpoint(server.endpoint), server]));
}

function keysOf(policy: HealthPolicy): (keyof HealthPolicy)[] {
  return Object.keys(policy) as (keyof HealthPolicy)[];
}
