import { hostname } from "node:os";
import type { HealthChecks, ProbeOptions, VirtualServerOptions } from "../config/care-options.ts";
import { checkOf, probesOf } from "../config/combination.ts";
import { describeChecks } from "../config/describe-checks-change.ts";
import { askedFor } from "../config/probe-kinds/target-rows.ts";
import { formatEndpoint, parseEndpoint } from "../domain/endpoint.ts";
import type { DiscoveryStatus } from "../domain/members.ts";
import { withName } from "../domain/name.ts";
import type {
  CheckedStatus,
  DaemonStatus,
  ProbeStatus,
  ReachStatus,
  RealServerStatus,
  SuspicionStatus,
  VirtualServerStatus,
} from "../domain/status.ts";
import { nameVirtualServer } from "../domain/virtual-server-name.ts";
import type { CareProcess } from "./care-process.ts";
import { withClusterDrains } from "./cluster-drains.ts";
import type { DecidingChecks } from "./deciding-checks.ts";

/** What status has of a virtual server that is cared for, beside what its machines know. */
export interface CareFacts {
  readonly options: VirtualServerOptions;
  readonly isLeaving: boolean;
  readonly checks: Pick<DecidingChecks, "current" | "onTrial" | "trialSinceMs">;
  readonly process: Pick<CareProcess, "configuration" | "page" | "checksWait" | "serverBudget">;
  readonly discovery: DiscoveryStatus | undefined;
  readonly reach: ReachStatus | undefined;
  /** Converts from the machines' clock. */
  readonly timeOfDay: (ms: number) => Date;
}

/** The status that its machines give, with all of that. */
export function withCareFacts(found: VirtualServerStatus, facts: CareFacts): VirtualServerStatus {
  const { options, isLeaving, checks, discovery, reach } = facts;
  const status = withClusterDrains(found, options.clusterDrains);
  return {
    ...nameVirtualServer(options.service, options.name),
    ...status,
    ...trialStatus(status.suspicion, facts),
    ...(isLeaving && { leaving: true as const }),
    ...(status.daemon && { daemon: { ...status.daemon, ...daemonFacts(facts) } }),
    realServers: status.realServers.map((server) =>
      withName(whoseCertificate(server, checks.current), options.realServerNames),
    ),
    ...(discovery && { discovery }),
    ...(reach && { reach }),
  };
}

// --- internal ---

/** What a changed probe changes, which has yet to prove itself, or is suspicious. */
function trialStatus(
  suspicion: SuspicionStatus | undefined,
  { checks, timeOfDay }: CareFacts,
): Pick<VirtualServerStatus, "suspicion" | "trial"> {
  const { onTrial: changes, trialSinceMs } = checks;
  if (suspicion !== undefined) return { suspicion: { ...suspicion, changes } };
  if (trialSinceMs === undefined || changes.length === 0) return {};
  return { trial: { since: timeOfDay(trialSinceMs).toISOString(), changes } };
}

function daemonFacts({ options, checks, process }: CareFacts): Partial<DaemonStatus> {
  const { configuration, page, checksWait, serverBudget } = process;
  return {
    host: hostname(),
    checked: checkedStatus(options, checks.current),
    ...(configuration && { configuration: configuration() }),
    ...(page !== undefined && { page }),
    probes: probesStatus(options),
    ...(checksWait && { checksWait }),
    ...(serverBudget && serverBudget.gapMs > shortestIntervalMs(options) && { serverBudget }),
  };
}

function checkedStatus({ policy }: VirtualServerOptions, deciding: HealthChecks): CheckedStatus {
  const { fall, rise, fastIntervalMs, downIntervalMs } = policy;
  return { probe: describeChecks(deciding), fall, rise, fastIntervalMs, downIntervalMs };
}

/** A certificate is another's where checks ask somebody else. */
function whoseCertificate(server: RealServerStatus, deciding: HealthChecks): RealServerStatus {
  if (server.certificate === undefined) return server;
  const target = parseEndpoint(server.address);
  const asked = probesOf(checkOf(deciding, server.address)).flatMap((probe) =>
    "tls" in probe && probe.tls !== undefined ? [formatEndpoint(askedFor(target, probe))] : [],
  );
  const [shownBy] = asked;
  // Of several it is not known which.
  return shownBy === undefined || asked.some((other) => other === server.address || other !== shownBy)
    ? server
    : { ...server, certificate: { ...server.certificate, shownBy } };
}

/** Between the checks of a real server, by its options. */
function shortestIntervalMs({ policy, probe, realServerProbes = new Map() }: VirtualServerOptions): number {
  const paces = [probe, ...realServerProbes.values()].flatMap((one) =>
    one.type === "combination" ? one.members.map(({ pace }) => pace) : [policy],
  );
  return Math.min(...paces.flatMap(({ intervalMs, fastIntervalMs }) => [intervalMs, fastIntervalMs]));
}

/** What it asks, without what may be a secret. */
function probesStatus({ probe: usual, realServerProbes = new Map() }: HealthChecks): readonly ProbeStatus[] {
  const all = [usual, ...realServerProbes.values()].flatMap(probesOf).map((probe): ProbeStatus => {
    const { type, timeoutMs } = probe;
    // What follows a path may hold a token.
    const path = "path" in probe && { path: probe.path.split("?")[0] ?? "" };
    return { type, timeoutMs, ...path, ...(onlyConnects(probe) && { onlyConnects: true }) };
  });
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}

function onlyConnects(probe: ProbeOptions): boolean {
  if (probe.type !== "tcp" || probe.askedAddress !== undefined || probe.askedPort !== undefined) return false;
  return probe.tls === undefined && probe.expect === undefined && probe.sendHex === "";
}
