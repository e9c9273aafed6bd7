import type { RealServerStatus, VirtualServerStatus } from "../domain/status.ts";
import { isFound } from "./status-filter.ts";
import { inOrder, isWell } from "./status-order.ts";
import type { StatusView } from "./status-view.ts";
import { describeState } from "./status-text.ts";

/** Which of them are told one by one, in which order, and who is not. */
export function foldServers(
  { realServers, ...virtualServer }: VirtualServerStatus,
  { all, onlyBad, sort, filter = "" }: StatusView,
): { readonly servers: readonly RealServerStatus[]; readonly folded: readonly RealServerStatus[] } {
  // A few that stay in their places are easier to follow.
  const isAsListed = sort === undefined && realServers.length <= MOST_ROWS;
  const ordered = isAsListed ? realServers : inOrder(realServers, sort ?? "trouble");
  if (onlyBad === true || filter !== "") {
    const servers = ordered.filter(
      (server) => (onlyBad !== true || !isWell(server)) && isFound(server, virtualServer, filter),
    );
    const shown = new Set(servers);
    return { servers, folded: ordered.filter((server) => !shown.has(server)) };
  }
  if (all === true || ordered.length <= MOST_ROWS) return { servers: ordered, folded: [] };
  const candidates = sort === undefined || sort === "trouble" ? ordered.filter((server) => !isWell(server)) : ordered;
  const servers = candidates.slice(0, MOST_BAD_ROWS);
  const shown = new Set(servers);
  return { servers, folded: ordered.filter((server) => !shown.has(server)) };
}

/** `… 188 more: 186 healthy, 2 removed` */
export function describeFolded(folded: readonly RealServerStatus[], shown: number): string {
  const counts = Map.groupBy(folded, describeState);
  const texts = [...counts].map(([state, { length }]) => `${length} ${state}`);
  return shown === 0 ? texts.join(", ") : `… ${folded.length} more: ${texts.join(", ")}`;
}

// --- internal ---

/** Of one virtual server: above that, those that are well are only counted. */
const MOST_ROWS = 20;
/** Then so many of the others are shown, */
const MOST_BAD_ROWS = 10;
