import type { HoldOutcome } from "../app/operate.ts";
import { oneLine } from "../config/one-line.ts";
import { formatDuration } from "../domain/duration.ts";
import { parseEndpoint } from "../domain/endpoint.ts";
import { describeError } from "../domain/errors.ts";
import { describeHold } from "../domain/hold.ts";
import { describeNamed } from "../domain/name.ts";
import { describeVirtualServer, keyOf, virtualServerOf } from "../domain/virtual-server-name.ts";
import { isDrainedByAgent, isListedDrained, outOfService } from "../domain/in-service.ts";
import type { RealServerStatus } from "../domain/status.ts";
import type { CheckReport, HoldReport } from "../domain/operator.ts";
import { WEIGHTLESS_SCHEDULERS } from "../domain/virtual-server.ts";
import type { CliContext } from "./cli-context.ts";
import { ownLines } from "./output.ts";
import { describeParts } from "./status-text.ts";

export interface ToldHolds {
  /** One of them failed, or is not in the table. */
  readonly isIncomplete: boolean;
  /** They took the last real server of a virtual server out of service. */
  readonly isEmptied: boolean;
}

/** Prints what became of holds, including the failed ones. */
export async function tellHolds(
  { reports, failures, mentions, words }: HoldOutcome,
  format: "text" | "json",
  { out, err }: CliContext,
): Promise<ToldHolds> {
  const texts = reports.map((report) => (format === "json" ? `${JSON.stringify(report)}\n` : renderHold(report)));
  await out.write(texts.join(""));
  // Of several that are drained, the last one empties it.
  const each = [...Map.groupBy(reports, (report) => keyOf(virtualServerOf(report))).values()].filter(leavesNobody);
  const warnings = each.map((drains) => describeNobody(drains, words));
  const complaints = [...warnings, ...failures.map(describeError), ...mentions];
  await err.remark(ownLines(complaints));
  return {
    isIncomplete: failures.length > 0 || reports.some(({ pending }) => pending !== undefined),
    isEmptied: each.some(isToBlame),
  };
}

/** `10.0.0.1:80 of 10.96.0.1:443: drained; healthy, weight 0, 3 open connections`, and what else the reader should know. */
export function renderHold(report: HoldReport): string {
  const { scheduler, realServer, pending } = report;
  const { state, health = state, hold, weight, activeConnections } = realServer;
  const stands = weight === undefined ? "not in the table" : `weight ${weight}`;
  const lines = [
    `${describeNamed(realServer)} of ${describeVirtualServer(virtualServerOf(report))}: ${describeHold(hold)}; ${health}, ${stands}, ${connections(activeConnections)}`,
  ];
  if (realServer.drainedByConfiguration === true && hold?.drained !== true) lines.push(`  ${DRAINED_BY_FILE}`);
  else if (realServer.drainedByCluster !== undefined && hold?.drained !== true)
    lines.push(`  ${drainedByCluster(realServer)}`);
  const other = otherReason(realServer);
  if (other !== undefined) lines.push(`  ${other}`);
  if (pending !== undefined) lines.push(`  not in the table yet, and tried again: ${pending}`);
  if (hold?.weight !== undefined && WEIGHTLESS_SCHEDULERS.has(scheduler)) {
    lines.push(`  the scheduler ${scheduler} heeds no weights above 0; wrr and wlc do`);
  }
  return lines.map((line) => `${oneLine(line)}\n`).join("");
}

/** The verdict, and below it how long each step took. */
export function renderCheck(report: CheckReport): string {
  const { realServer: address, realServerName: name, verdict, onTrial, suspicion } = report;
  const standing =
    suspicion === undefined
      ? "on trial"
      : `SUSPICIOUS: it lets no real server serve (${suspicion}), and decides nothing`;
  const by = onTrial === undefined ? [] : [`  by the changed probe (${onTrial.join(", ")}), which is ${standing}`];
  const { passed, reason, latencyMs, timings = {}, checks } = verdict;
  const steps = (["connectMs", "tlsMs", "firstByteMs"] as const).flatMap((step) => {
    const ms = timings[step];
    return ms === undefined ? [] : [`  ${STEPS[step].padEnd(10)}  ${formatDuration(ms)}`];
  });
  const server = describeNamed({ address, ...(name !== undefined && { name }) });
  const found = `${server} of ${describeVirtualServer(virtualServerOf(report))}: ${passed ? "passed" : "failed"}: ${reason}`;
  const each = checks === undefined ? [] : [`  ${"checks".padEnd(10)}  ${describeParts(checks)}`];
  return [found, ...by, ...each, ...steps, `  ${"total".padEnd(10)}  ${formatDuration(latencyMs)}`]
    .map((line) => `${oneLine(line)}\n`)
    .join("");
}

export function connections(count: number): string {
  return `${count} open connection${count === 1 ? "" : "s"}`;
}

// --- internal ---

/** Drains of one virtual server, one after the other: no other server is left. */
function leavesNobody(drains: readonly HoldReport[]): boolean {
  const last = drains.at(-1);
  return last?.realServer.hold?.drained === true && last.inService?.count === 0;
}

/** One of them was in service before. */
function isToBlame(drains: readonly HoldReport[]): boolean {
  return drains.some(({ wasOut }) => wasOut !== true);
}

function nameIn({ realServer: { address, name = address } }: HoldReport): string {
  return name;
}

function describeNobody(drains: readonly HoldReport[], words: HoldOutcome["words"]): string {
  const [first] = drains;
  const nobody =
    first === undefined ? "" : `nobody is in service behind ${describeVirtualServer(virtualServerOf(first))}`;
  if (isToBlame(drains)) {
    const served = drains.filter(({ wasOut }) => wasOut !== true).map(nameIn);
    const word = first && words.get(keyOf(virtualServerOf(first)));
    const whose = word === undefined ? "" : ` --vs ${word}`;
    return `${nobody} any more: clients are not served, until lvscare undrain ${served.join(" ")}${whose}`;
  }
  return drains.length === 1
    ? `${nobody}; ${first === undefined ? "" : nameIn(first)} was not before this drain, either`
    : `${nobody}; none of these was before this drain, either`;
}

/** What keeps it out whatever an operator's drain says. */
function otherReason(server: RealServerStatus): string | undefined {
  const { hold } = server;
  if (isListedDrained(server)) return undefined;
  if (hold?.drained === true)
    return server.asked?.hold === undefined || hold.weight !== undefined
      ? undefined
      : "drained by its agent, too; undrain does not lift that";
  const why = outOfService(server);
  if (why?.why === "set-aside") return "its check asks for weight 0; lvscare weight is above that";
  return isDrainedByAgent(server) ? "still drained, by its agent; lvscare weight is above that" : undefined;
}

const DRAINED_BY_FILE = "the configuration file keeps it drained; undrain does not lift that: change drained there";

function drainedByCluster({ address, drainedByCluster: { by } = { since: "" } }: RealServerStatus): string {
  const host = parseEndpoint(address).address;
  return `the cluster keeps it drained${by === undefined ? "" : ` (${by})`}; lvscare undrain ${host} --cluster lifts that`;
}

const STEPS = { connectMs: "connect", tlsMs: "TLS", firstByteMs: "first byte" } as const;
