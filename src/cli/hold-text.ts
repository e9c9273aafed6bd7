import type { HoldOutcome } from "../app/operate.ts";
import { oneLine } from "../config/one-line.ts";
import { formatDuration } from "../domain/duration.ts";
import { describeError } from "../domain/errors.ts";
import { describeHold } from "../domain/hold.ts";
import { describeNamed } from "../domain/name.ts";
import { describeVirtualServer, keyOf, virtualServerOf } from "../domain/virtual-server-name.ts";
import type { CheckReport, HoldReport } from "../domain/operator.ts";
import { WEIGHTLESS_SCHEDULERS } from "../domain/virtual-server.ts";
import type { CliContext } from "./cli-context.ts";
import { ownLines } from "./output.ts";
import { describeParts } from "./status-text.ts";

/** Prints what became of holds, including the failed ones; 1 when one of them is not in the table. */
export async function tellHolds(
  { reports, failures, mentions }: HoldOutcome,
  format: "text" | "json",
  { out, err }: CliContext,
): Promise<number> {
  const texts = reports.map((report) => (format === "json" ? `${JSON.stringify(report)}\n` : renderHold(report)));
  await out.write(texts.join(""));
  // Of several that are drained, the last one empties it.
  const last = new Map(reports.map((report) => [keyOf(virtualServerOf(report)), report]));
  const warnings = [...last.values()].flatMap((report) => emptiedBy(report) ?? []);
  const complaints = [...warnings, ...failures.map(describeError), ...mentions];
  await err.remark(ownLines(complaints));
  return failures.length > 0 || reports.some(({ pending }) => pending !== undefined) ? 1 : 0;
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
  if (pending !== undefined) lines.push(`  not in the table yet, and tried again: ${pending}`);
  if (hold?.weight !== undefined && WEIGHTLESS_SCHEDULERS.has(scheduler)) {
    lines.push(`  the scheduler ${scheduler} heeds no weights above 0; wrr and wlc do`);
  }
  return lines.map((line) => `${oneLine(line)}\n`).join("");
}

/** The verdict, and below it how long each step took. */
export function renderCheck(report: CheckReport): string {
  const { realServer: address, realServerName: name, verdict } = report;
  const { passed, reason, latencyMs, timings = {}, checks } = verdict;
  const steps = (["connectMs", "tlsMs", "firstByteMs"] as const).flatMap((step) => {
    const ms = timings[step];
    return ms === undefined ? [] : [`  ${STEPS[step].padEnd(10)}  ${formatDuration(ms)}`];
  });
  const server = describeNamed({ address, ...(name !== undefined && { name }) });
  const found = `${server} of ${describeVirtualServer(virtualServerOf(report))}: ${passed ? "passed" : "failed"}: ${reason}`;
  const each = checks === undefined ? [] : [`  ${"checks".padEnd(10)}  ${describeParts(checks)}`];
  return [found, ...each, ...steps, `  ${"total".padEnd(10)}  ${formatDuration(latencyMs)}`]
    .map((line) => `${oneLine(line)}\n`)
    .join("");
}

/** What else a drain has done: undefined when another server is left. */
export function emptiedBy(report: HoldReport): string | undefined {
  const { realServer, inService } = report;
  if (realServer.hold?.drained !== true || inService === undefined || inService.count > 0) return undefined;
  return `nobody is in service behind ${describeVirtualServer(virtualServerOf(report))} any more: clients are refused, until lvscare undrain ${realServer.address}`;
}

export function connections(count: number): string {
  return `${count} open connection${count === 1 ? "" : "s"}`;
}

// --- internal ---

const DRAINED_BY_FILE = "the configuration file keeps it drained; undrain does not lift that: change drained there";

const STEPS = { connectMs: "connect", tlsMs: "TLS", firstByteMs: "first byte" } as const;
