import { isAskedOut, type MemberState } from "../../desired/member.ts";
import type { ClusterDrains } from "../../domain/cluster-drain.ts";
import { formatDuration } from "../../domain/duration.ts";
import { hostPrefix } from "../../domain/endpoint.ts";
import type { Hold } from "../../domain/hold.ts";
import type { VirtualServer } from "../../domain/virtual-server.ts";

/** `drained by alice`; undefined for one that nobody drained. `cluster`: those of the configuration's drains that are its. */
export function drainedBy(member: MemberState | undefined, cluster: ClusterDrains | undefined): string | undefined {
  if (member?.hold?.drained === true) return `drained by ${operatorOf(member.hold)}`;
  const drain = member && cluster?.get(member.name);
  if (drain !== undefined) return `drained by the cluster: ${operatorOf(drain)}`;
  if (member?.isDrainedByConfiguration === true) return "drained by the configuration";
  return member !== undefined && isAskedOut(member) ? "drained by its agent" : undefined;
}

/** `12 open connections drain, 1m at most` */
export function drains(open: number, mostMs: number | undefined): string {
  if (open === 0) return countConnections(open);
  const most = mostMs === undefined ? "" : `, ${formatDuration(mostMs)} at most`;
  return `${countConnections(open)} ${open === 1 ? "drains" : "drain"}${most}`;
}

/** `no open connections`, `1 open connection` */
export function countConnections(open: number): string {
  if (open === 1) return "1 open connection";
  return `${open === 0 ? "no" : open} open connections`;
}

export function goOn(open: number): string {
  return open === 1 ? "goes on" : "go on";
}

/** `wrr, persistent 300s /24` */
export function describeService(service: VirtualServer): string {
  return [service.scheduler, ...optionsOf(service)].join(", ");
}

/** `scheduler rr → wrr, not persistent → persistent 300s` */
export function describeServiceChange(from: VirtualServer, to: VirtualServer): string {
  const scheduler = from.scheduler === to.scheduler ? [] : [`scheduler ${from.scheduler} → ${to.scheduler}`];
  const [was, is] = [optionsOf(from).join(" "), optionsOf(to).join(" ")];
  const options = was === is ? [] : [`${was || "not persistent"} → ${is || "not persistent"}`];
  return [...scheduler, ...options].join(", ");
}

// --- internal ---

function operatorOf({ by }: Pick<Hold, "by">): string {
  return by ?? "an operator";
}

function optionsOf(service: VirtualServer): string[] {
  const { endpoint, flags, persistenceTimeoutS, persistencePrefix, persistenceEngine } = service;
  const prefix = persistencePrefix === hostPrefix(endpoint.family) ? "" : ` /${persistencePrefix}`;
  const engine = persistenceEngine === undefined ? "" : ` by ${persistenceEngine}`;
  return [
    ...(persistenceTimeoutS === 0 ? [] : [`persistent ${persistenceTimeoutS}s${prefix}${engine}`]),
    ...flags.filter((flag) => flag !== "persistent"),
  ];
}
