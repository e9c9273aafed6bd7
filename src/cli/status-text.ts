import { oneLine } from "../config/one-line.ts";
import {
  daysLeft,
  daysReached,
  describeDays,
  type CertificateFacts,
  type CertificateStatus,
} from "../domain/certificate.ts";
import { describeRequest } from "../domain/check-request.ts";
import { formatDuration } from "../domain/duration.ts";
import { outcomeOf, type AskedOf, type CheckPart } from "../domain/health.ts";
import { describeHold } from "../domain/hold.ts";
import { describeNamed, listFirst } from "../domain/name.ts";
import type {
  CheckedStatus,
  ChecksWaitStatus,
  ConfigurationStatus,
  DaemonStatus,
  FailOpenStatus,
  LastResortStatus,
  ReachObjectStatus,
  ReachStatus,
  RealServerStatus,
  RequestStatus,
  ServerBudgetStatus,
  StatusReport,
  SuspicionStatus,
  UncheckedStatus,
  TransitionStatus,
  TrialStatus,
  VerdictStatus,
  WayStatus,
} from "../domain/status.ts";
import { describeVirtualServer } from "../domain/virtual-server-name.ts";

/** `3m20s` between a time of a report and now, in whole seconds; `?` when the report's time cannot be read. */
export function age(at: string, now: Date): string {
  const ms = now.getTime() - Date.parse(at);
  if (!Number.isFinite(ms)) return "?";
  // The daemon's clock may be a little ahead of ours.
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds === 0 ? "0s" : formatDuration(seconds * 1000);
}

/** `failed 1s ago in 3s: connect timed out after 3s` */
export function describeVerdict(verdict: VerdictStatus, now: Date): string {
  const { at, latencyMs, reason } = verdict;
  return `${outcomeOf(verdict)} ${age(at, now)} ago in ${formatDuration(latencyMs)}: ${reason}`;
}

/** `12 days left, until 2026-12-12; by kubernetes-ca, for kubernetes, 10.96.0.1`, or `EXPIRED 2 days ago, …` */
export function describeCertificate(certificate: CertificateStatus, now: Date): string {
  const { issuer, names, notAfter, shownBy } = certificate;
  const left = daysLeft(factsOf(certificate), now.getTime());
  const when = left < 0 ? `EXPIRED ${describeDays(-left - 1)} ago, on` : `${describeDays(left)} left, until`;
  const whose = shownBy === undefined ? "" : `, shown by ${shownBy}`;
  return `${when} ${notAfter.slice(0, 10)}; by ${issuer}, for ${names.length === 0 ? "no name" : listFirst(names)}${whose}`;
}

/** It is told of even where nobody asks for more. */
export function endsSoon(certificate: CertificateStatus, now: Date): boolean {
  return daysReached(factsOf(certificate), now.getTime()) !== undefined;
}

/** `cannot be checked for 4s: too many open files` */
export function describeUnchecked({ since, reason }: UncheckedStatus, now: Date): string {
  return `cannot be checked for ${age(since, now)}: ${reason}`;
}

/** `had to wait up to 1.2s in the last minute: no more than 256 are under way (max-concurrent-checks)` */
export function describeChecksWait({ longestMs, most }: ChecksWaitStatus): string {
  return `had to wait up to ${formatDuration(longestMs)} in the last minute: no more than ${most} are under way (max-concurrent-checks)`;
}

/** `no real server is checked more than once in 1m40s, whatever its interval says (checks-per-server 50/s, shared by 5000 nodes)` */
export function describeServerBudget({ perSecond, nodes, isCounted, gapMs }: ServerBudgetStatus): string {
  const shared = nodes === 1 ? "" : `, shared by ${nodes} nodes${isCounted === true ? " as counted" : ""}`;
  return `no real server is checked more than once in ${formatDuration(gapMs)}, whatever its interval says (checks-per-server ${perSecond}/s${shared})`;
}

/** `web up (status 200), agent down (stopped), disk unknown` */
export function describeParts(parts: readonly CheckPart[]): string {
  return parts
    .map(({ name, state, reason }) => `${name} ${state}${reason === undefined ? "" : ` (${reason})`}`)
    .join(", ");
}

/** `in maintenance, at most 30 connections, by its agent` */
export function describeAsked(asked: AskedOf): string {
  return `${describeRequest(asked)}, by its agent`;
}

/** `4s ago its check asks: drained (drain)` */
export function describeRequested({ at, asks, reason }: RequestStatus, now: Date): string {
  return `${age(at, now)} ago its check asks: ${asks} (${reason})`;
}

/** `4s ago healthy → draining: connect timed out after 3s` */
export function describeTransition({ at, from, to, reason }: TransitionStatus, now: Date): string {
  return `${age(at, now)} ago ${from} → ${to}: ${reason}`;
}

/** `route, all 5 stand`; else `route, 3 of 5 stand, 1 left as it is, 1 failed; sysctl net/ipv4/vs/conntrack=1: …` */
export function describeReach({ mode, objects }: ReachStatus): string {
  if (objects.length === 0) return `${mode}, nothing to keep`;
  const count = (state: ReachObjectStatus["state"]): number => objects.filter((one) => one.state === state).length;
  const [standing, left, failed] = [count("stands"), count("left"), count("failed")];
  if (standing === objects.length) return `${mode}, all ${standing} stand`;
  const counts = [
    `${standing} of ${objects.length} stand`,
    ...(left === 0 ? [] : [`${left} left as ${left === 1 ? "it is" : "they are"}`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
  ];
  const problems = objects.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]));
  return [[mode, ...counts].join(", "), ...problems].join("; ");
}

/** `answers in 0.4ms`, `NO ANSWER for 12s: connect timed out after 2s; …` */
export function describeWay({ answers, since, latencyMs, problem = "" }: WayStatus, now: Date): string {
  return answers ? `answers in ${formatDuration(latencyMs)}` : `NO ANSWER for ${age(since, now)}: ${problem}`;
}

/** `0.1.0, pid 812, up 3m20s, serving/settled, checks every 5s` */
export function describeDaemon(daemon: DaemonStatus, now: Date): string {
  const { version, pid, startedAt, state, intervalMs } = daemon;
  return `${version}, pid ${pid}, up ${age(startedAt, now)}, ${state}, checks every ${formatDuration(intervalMs)}`;
}

/** `/etc/lvscare.yaml, read 3m ago`; else `REFUSED 20s ago, so that of 3m ago counts: lvscare.yaml:14:9: error: …` */
export function describeConfiguration(
  { file, appliedAt, warnings = [], refused }: ConfigurationStatus,
  now: Date,
): string {
  if (refused === undefined) return [`${file}, read ${age(appliedAt, now)} ago`, ...warnings].join("; ");
  const more = refused.problems === 1 ? "" : ` (and ${refused.problems - 1} more)`;
  return `REFUSED ${age(refused.at, now)} ago, so that of ${age(appliedAt, now)} ago counts: ${refused.problem}${more}`;
}

/** `SUSPICIOUS for 12s: the changed probe (path: /ready) lets no real server serve (status 404), so the one before it decides` */
export function describeSuspicion({ since, reason, changes = [] }: SuspicionStatus, now: Date): string {
  const how = changes.length === 0 ? "" : ` (${changes.join(", ")})`;
  return `SUSPICIOUS for ${age(since, now)}: the changed probe${how} lets no real server serve (${reason}), so the one before it decides`;
}

/** `ON TRIAL for 12s: the changed probe (path: /ready) decides once it has proved itself, until then the one before it` */
export function describeTrial({ since, changes }: TrialStatus, now: Date): string {
  return `ON TRIAL for ${age(since, now)}: the changed probe (${changes.join(", ")}) decides once it has proved itself, until then the one before it`;
}

/** `type: http, path: /healthz, timeout: 3s; out after 3 failed, in after 1 passed; every 5s, 1s in doubt, 30s once removed` */
export function describeChecked(
  { probe, fall, rise, fastIntervalMs, downIntervalMs }: CheckedStatus,
  everyMs: number,
): string {
  const paces = [
    `every ${formatDuration(everyMs)}`,
    ...(fastIntervalMs === everyMs ? [] : [`${formatDuration(fastIntervalMs)} in doubt`]),
    ...(downIntervalMs === everyMs ? [] : [`${formatDuration(downIntervalMs)} once removed`]),
  ];
  return `${probe.join(", ")}; out after ${fall} failed, in after ${rise} passed; ${paces.join(", ")}`;
}

/** `for 12s: only 1 of 3 real servers are healthy, so health is ignored` */
export function describeFailOpen({ since, healthy, total }: FailOpenStatus, now: Date): string {
  return `for ${age(since, now)}: only ${healthy} of ${total} real servers are healthy, so health is ignored`;
}

/** `for 12s: none of 3 real servers is healthy, so 2 that still accept connections stay in service` */
export function describeLastResort({ since, total, held }: LastResortStatus, now: Date): string {
  return `for ${age(since, now)}: none of ${total} real servers is healthy, so ${held.length} that still accept connections stay in service`;
}

/**
 * `healthy`. For a server that an operator drained: `drained`, with its health if its checks fail: `drained
 * (removed)`
 */
export function describeState({ state, health, isUnanswered }: RealServerStatus): string {
  if (isUnanswered === true && state === "healthy") return "unanswered";
  return state !== "drained" || health === undefined || health === "healthy" ? state : `${state} (${health})`;
}

/** A line for each real server whose state or weight changed, and for each that is gone. */
export function changedServers(before: StatusReport | undefined, now: StatusReport): string[] {
  const [old, current] = [linesByServer(before), linesByServer(now)];
  const changed = [...current].filter(([server, line]) => old.get(server) !== line).map(([, line]) => line);
  const gone = [...old.keys()].filter((server) => !current.has(server)).map((server) => `${server} is gone`);
  return [...changed, ...gone];
}

// --- internal ---

function factsOf(certificate: CertificateStatus): CertificateFacts {
  const { notBefore, notAfter } = certificate;
  return { ...certificate, notBeforeMs: Date.parse(notBefore), notAfterMs: Date.parse(notAfter) };
}

function linesByServer(report: StatusReport | undefined): Map<string, string> {
  const lines = (report?.virtualServers ?? []).flatMap((virtualServer) =>
    virtualServer.realServers.map((server): [string, string] => {
      const name = oneLine(`${describeVirtualServer(virtualServer)}  ${describeNamed(server)}`);
      const weight = server.weight === undefined ? "not in the table" : `weight ${server.weight}`;
      const hold = server.hold === undefined ? "" : `  held: ${describeHold(server.hold)}`;
      return [name, `${name}  ${describeState(server)}  ${weight}${hold}`];
    }),
  );
  return new Map(lines);
}
