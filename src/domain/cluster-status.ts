import type { ClusterDrain } from "./cluster-drain.ts";
import type { NodeReport } from "./node-report.ts";

/** What `lvscare status --cluster` shows. Plain data that survives JSON; times are ISO 8601 in UTC. */
export interface ClusterStatus {
  /** `default/kubernetes` */
  readonly service: string;
  readonly drained: readonly ({ readonly address: string } & ClusterDrain)[];
  /** All nodes of the cluster, and whoever else reports. */
  readonly nodes: readonly ClusterNode[];
}

export interface ClusterNode {
  readonly node: string;
  /** One for each virtual server whose members are those of the service; none where no daemon tells of any. */
  readonly reports: readonly NodeReport[];
}

/** How far nodes are with one address. */
export interface DrainProgress {
  readonly address: string;
  /** Of those that report, how many drain it. */
  readonly draining: number;
  readonly reporting: number;
  /** Those that report, but not that they drain it. */
  readonly unheard: readonly string[];
  /** Open connections that are left. */
  readonly open: readonly { readonly node: string; readonly connections: number }[];
}

/** `since`: of the drain that is meant, as one of before may still be reported. */
export function progressOf(nodes: readonly ClusterNode[], address: string, since: string): DrainProgress {
  const reporting = nodes.filter(({ reports }) => reports.length > 0);
  const heard = ({ reports }: ClusterNode): boolean =>
    reports.every(({ drained }) => drained[address] !== undefined && drained[address].since === since);
  const draining = reporting.filter(heard);
  return {
    address,
    draining: draining.length,
    reporting: reporting.length,
    unheard: reporting.filter((one) => !heard(one)).map(({ node }) => node),
    open: draining.flatMap(({ node, reports }) => {
      const connections = reports.reduce((sum, { drained }) => sum + (drained[address]?.open ?? 0), 0);
      return connections === 0 ? [] : [{ node, connections }];
    }),
  };
}

/** All that report drain it, and nobody has an open connection to it. */
export function isOver({ unheard, open, reporting }: DrainProgress): boolean {
  return reporting > 0 && unheard.length === 0 && open.length === 0;
}

/** It has told nothing for so long that it may be gone, or its daemon. */
export function isSilent({ at }: Pick<NodeReport, "at">, nowMs: number): boolean {
  return nowMs - Date.parse(at) > SILENT_MS;
}

// --- internal ---

/** Twice as long as a node may be silent, and some minutes in which clocks may differ. */
const SILENT_MS = 125 * 60_000;
