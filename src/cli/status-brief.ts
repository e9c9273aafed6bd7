import { oneLine } from "../config/one-line.ts";
import { conditionOf, CONDITIONS, isTroubled, outOfService } from "../domain/in-service.ts";
import { describeNamed, listFirst } from "../domain/name.ts";
import type { RealServerStatus, StatusReport, VirtualServerStatus } from "../domain/status.ts";
import { describeVirtualServer } from "../domain/virtual-server-name.ts";
import { inOrder, isVirtualServerTroubled } from "./status-order.ts";
import { describeOut, renderSummary } from "./status-summary.ts";
import type { StatusView } from "./status-view.ts";
import { age } from "./status-text.ts";
import { wrapBeside } from "./wrap-beside.ts";
import { cutText } from "./wrap-text.ts";

/** Whether so many are a line each. */
export function isBrief(servers: readonly VirtualServerStatus[], { all, wide }: StatusView): boolean {
  if (all === true || wide === true || servers.length < 2) return false;
  return servers.reduce((sum, { realServers }) => sum + realServers.length, 0) > MOST_WHOLE;
}

/**
 * Many virtual servers, ordered by trouble: a line for each, below those that are troubled some of the real servers that
 * make them so, and a count of those for which there is no room.
 */
export function renderBrief(servers: readonly VirtualServerStatus[], view: StatusView): string[] {
  const bad = servers.filter(isVirtualServerTroubled);
  const well = servers.filter((server) => !isVirtualServerTroubled(server));
  const names = new Map(servers.map((server) => [server, oneLine(describeVirtualServer(server))]));
  const lineOf = (all: readonly VirtualServerStatus[]) => {
    const widest = Math.max(...all.map((server) => Bun.stringWidth(names.get(server) ?? "")));
    return (server: VirtualServerStatus): string[] => {
      const name = names.get(server) ?? "";
      const fill = " ".repeat(widest - Bun.stringWidth(name));
      return wrapBeside(`${view.paint("bold", name)}${fill}  `, renderSummary(server, view.paint), view);
    };
  };
  const lines = [renderCounts(servers), ""];
  const badLine = lineOf(bad.slice(0, MOST_BAD));
  for (const server of bad.slice(0, MOST_BAD)) {
    lines.push(...badLine(server));
    if (lines.length < DETAILED) lines.push(...renderBad(server, view));
  }
  if (bad.length > MOST_BAD) lines.push(`… ${bad.length - MOST_BAD} more are troubled (--all shows them)`);
  const room = Math.max(0, MOST_WELL - Math.max(0, lines.length - 2));
  const told = well.slice(0, room);
  lines.push(...told.flatMap(lineOf(told)));
  if (well.length > room)
    lines.push(`… ${well.length - room}${room === 0 ? "" : " more"} without trouble (--all shows them)`);
  return lines;
}

/** Where there is nobody to show. */
export function nothingIn({ virtualServers }: StatusReport, { filter = "" }: StatusView): string {
  if (virtualServers.length > 0 && filter !== "") return `nothing has ${filter}`;
  if (virtualServers.length === 0) return "no virtual server stands on this host";
  const who =
    virtualServers.length === 1 ? "the virtual server serves" : `all ${virtualServers.length} virtual servers serve`;
  const drained = virtualServers.flatMap(({ realServers }) =>
    realServers.filter((server) => outOfService(server)?.why === "drained").map(describeNamed),
  );
  return oneLine(`all is well: ${who}${drained.length === 0 ? "" : `; drained: ${listFirst(drained)}`}`);
}

// --- internal ---

/** Several virtual servers with more real servers than this are a line each. */
const MOST_WHOLE = 20;

/** Troubled ones with a line each, */
const MOST_BAD = 20;
/** with their real servers until there are so many lines, */
const DETAILED = 14;
/** and the others that are told, if nobody is troubled. */
const MOST_WELL = 20;
/** Of each virtual server. */
const MOST_SERVERS = 3;

/** `212 virtual servers: 1 nobody · 2 degraded · 209 serving` */
function renderCounts(servers: readonly VirtualServerStatus[]): string {
  const conditions = servers.map((server) => (server.leaving === true ? "leaving" : conditionOf(server)));
  const counts = [...CONDITIONS.toReversed(), "leaving" as const, undefined].flatMap((word) => {
    const count = conditions.filter((one) => one === word).length;
    return count === 0 ? [] : [`${count} ${word ?? "without a daemon"}`];
  });
  return `${servers.length} virtual servers: ${counts.join(" · ")}`;
}

function renderBad({ realServers }: VirtualServerStatus, { now, width }: StatusView): string[] {
  const bad = inOrder(realServers, "trouble").filter(isTroubled);
  const lines = bad
    .slice(0, MOST_SERVERS)
    .map((server) => cutText(`    ${describeBad(server, now)}`, width ?? Infinity));
  return bad.length > MOST_SERVERS ? [...lines, `    … ${bad.length - MOST_SERVERS} more`] : lines;
}

/** `web-3 (10.0.0.3:80)  failed for 2m: connect refused` */
function describeBad(server: RealServerStatus, now: Date): string {
  const { state, stateSince, lastVerdict } = server;
  const out = outOfService(server);
  const since = stateSince === undefined ? "" : ` for ${age(stateSince, now)}`;
  const reason = lastVerdict?.passed === false ? `: ${lastVerdict.reason}` : "";
  return oneLine(`${describeNamed(server)}  ${out === undefined ? state : describeOut(out)}${since}${reason}`);
}
