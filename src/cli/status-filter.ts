import { outOfService } from "../domain/in-service.ts";
import { describeNamed } from "../domain/name.ts";
import type { RealServerStatus, VirtualServerStatus } from "../domain/status.ts";
import { describeVirtualServer, type NamedVirtualServer } from "../domain/virtual-server-name.ts";
import { describeOut } from "./status-summary.ts";
import { describeState } from "./status-text.ts";

/** Whether what is told of a real server, or whose it is, has all words of the filter. */
export function isFound(server: RealServerStatus, virtualServer: NamedVirtualServer, filter: string): boolean {
  const out = outOfService(server);
  const texts = [
    describeVirtualServer(virtualServer),
    describeNamed(server),
    describeState(server),
    out === undefined ? "" : describeOut(out),
    server.lastVerdict?.reason ?? "",
  ];
  const told = texts.join(" ").toLowerCase();
  return wordsOf(filter).every((word) => told.includes(word));
}

/** Whether it is told of with this filter. */
export function isAnyFound(virtualServer: VirtualServerStatus, filter = ""): boolean {
  if (filter === "") return true;
  const own = describeVirtualServer(virtualServer).toLowerCase();
  if (wordsOf(filter).every((word) => own.includes(word))) return true;
  return virtualServer.realServers.some((server) => isFound(server, virtualServer, filter));
}

// --- internal ---

function wordsOf(filter: string): readonly string[] {
  return filter.toLowerCase().split(/\s+/).filter(Boolean);
}
