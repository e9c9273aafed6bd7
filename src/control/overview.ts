import { isFailedMark, isPassedMark, REMEMBERED_CHECKS, type RecentChecks } from "../domain/check-marks.ts";
import { countOut } from "../domain/in-service.ts";
import type { Condition, InService, OutOfService, VirtualServerStatus } from "../domain/status.ts";
import type { NamedVirtualServer } from "../domain/virtual-server-name.ts";

/** All virtual servers of a daemon at a glance. */
export interface Overview {
  /** The name of its host. */
  readonly host?: string;
  readonly version?: string;
  readonly startedAt?: string;
  /** By the word that `?vs=` takes for it and for no other. */
  readonly virtualServers: Readonly<Record<string, VirtualServerOverview>>;
}

export interface VirtualServerOverview extends NamedVirtualServer {
  readonly scheduler: string;
  readonly condition?: Condition;
  readonly inService?: InService;
  /** Of its real servers. */
  readonly healthy: number;
  /** How many real servers are out of service, by why. */
  readonly out: Readonly<Partial<Record<OutOfService["why"], number>>>;
  /**
   * Of the last checks of its real servers, oldest first, a digit each: the tenths of them that failed, rounded up, 9 at
   * most; `-`: none was made.
   */
  readonly checks: string;
  /** Totals. */
  readonly stats: { readonly connections: number; readonly bytes: number };
  readonly activeConnections: number;
  readonly leaving?: true;
  /** When one of its real servers changed last. */
  readonly changedAt?: string;
  /** Why there is no more of it. */
  readonly problem?: string;
}

export function virtualServerOverview(
  status: VirtualServerStatus,
  checks: RecentChecks | undefined,
): VirtualServerOverview {
  const { name, protocol, address, scheduler, condition, inService, realServers, stats, leaving } = status;
  const changedAt = realServers.reduce<string | undefined>(
    (latest, { stateSince }) => later(latest, stateSince),
    undefined,
  );
  return {
    ...(name !== undefined && { name }),
    protocol,
    address,
    scheduler,
    ...(condition && { condition }),
    ...(inService && { inService }),
    healthy: realServers.filter(({ state }) => state === "healthy").length,
    out: Object.fromEntries(countOut(realServers)),
    checks: failedShares(checks),
    stats: { connections: stats.connections, bytes: stats.inBytes + stats.outBytes },
    activeConnections: realServers.reduce((sum, server) => sum + server.activeConnections, 0),
    ...(leaving && { leaving }),
    ...(changedAt !== undefined && { changedAt }),
  };
}

// --- internal ---

/** The last check of each server, the one before that of each, and so on: servers of one virtual server are checked equally often. */
function failedShares(checks: RecentChecks | undefined): string {
  const failed = new Uint32Array(REMEMBERED_CHECKS);
  const made = new Uint32Array(REMEMBERED_CHECKS);
  for (const server of checks?.servers() ?? []) {
    const marks = checks?.since(server, 0).marks ?? "";
    const offset = REMEMBERED_CHECKS - marks.length;
    for (let at = 0; at < marks.length; at++) {
      const code = marks.charCodeAt(at);
      const column = offset + at;
      if (isFailedMark(code)) failed[column] = (failed[column] ?? 0) + 1;
      if (isFailedMark(code) || isPassedMark(code)) made[column] = (made[column] ?? 0) + 1;
    }
  }
  return Array.from(made, (all, column) =>
    all === 0 ? "-" : String(Math.min(9, Math.ceil((10 * (failed[column] ?? 0)) / all))),
  ).join("");
}

function later(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one > other ? one : other;
}
