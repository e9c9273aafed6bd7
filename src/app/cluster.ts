import { resolve } from "node:path";
import { acknowledgementOf, dialTcpSocket, watchSilence } from "#native";
import type { ClusterLine } from "../config/cluster-rows.ts";
import { openMaintenance } from "../discovery/kubernetes/open.ts";
import type { Maintenance } from "../discovery/kubernetes/maintenance.ts";
import type { ClusterStatus } from "../domain/cluster-status.ts";
import { operatorName } from "./operate.ts";

export interface ClusterChange {
  readonly change: "drain" | "undrain";
  /** Without ports. */
  readonly addresses: readonly string[];
}

export interface ClusterChanged {
  /** How the cluster stands after it. */
  readonly status: ClusterStatus;
  readonly notes: readonly string[];
}

/** Drains addresses on all nodes of a cluster, or ends that. Rejects before any change where it cannot be done. */
export async function changeCluster(line: ClusterLine, { change, addresses }: ClusterChange): Promise<ClusterChanged> {
  using maintenance = open(line);
  const now = new Date().toISOString();
  const notes =
    change === "drain"
      ? await maintenance.drain(addresses, { since: now, by: operatorName(process.env) })
      : await maintenance.undrain(addresses, now);
  return { status: await statusOf(maintenance, line), notes };
}

/** Who is drained on all nodes, and what these report. */
export async function collectCluster(line: ClusterLine): Promise<ClusterStatus> {
  using maintenance = open(line);
  // Until it has answered.
  return await statusOf(maintenance, line);
}

// --- internal ---

function open({ kubeconfig, ...line }: ClusterLine): Maintenance {
  // What it names is relative to it, and that to where the operator is.
  return openMaintenance(
    { ...line, kubeconfig: resolve(kubeconfig) },
    { openTcpSocket: dialTcpSocket, watchSilence, acknowledgementOf },
  );
}

async function statusOf(maintenance: Maintenance, { service }: ClusterLine): Promise<ClusterStatus> {
  const [drains, nodes] = [await maintenance.drains(), await maintenance.nodes()];
  return {
    service: `${service.namespace}/${service.name}`,
    drained: [...drains].map(([address, drain]) => ({ address, ...drain })),
    nodes,
  };
}
