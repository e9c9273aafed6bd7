import { X509Certificate } from "node:crypto";
import {
  NODE_LEASES_NAMESPACE,
  reportAnnotation,
  REPORTS_NAMESPACE,
  type NodeReport,
} from "../../domain/node-report.ts";
import type { Api, ApiFailure, ApiReply } from "./api.ts";

/** The lease that a node reports in. */
export interface ReportLease {
  readonly namespace: string;
  readonly name: string;
}

/**
 * A node writes its own lease, which kubelet made and renews: its credentials allow that, and to write no other. Anybody
 * else has one of their own in a namespace where nothing else is.
 */
export function reportLease(certificate: string | undefined, nodeName: string): ReportLease {
  const node = certificate === undefined ? undefined : nodeOf(certificate);
  return node === undefined
    ? { namespace: REPORTS_NAMESPACE, name: nodeName }
    : { namespace: NODE_LEASES_NAMESPACE, name: node };
}

/** Writes a report into it, beside those of other virtual servers. */
export async function writeReport(
  api: Api,
  { namespace, name }: ReportLease,
  report: NodeReport,
): Promise<ApiReply | ApiFailure> {
  const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const annotations = { [reportAnnotation(report.virtualServer)]: JSON.stringify(report) };
  const reply = await api.write("PATCH", `${leases}/${name}`, { metadata: { annotations } });
  const isMissing = "status" in reply && reply.status === 404;
  if (!isMissing || namespace !== REPORTS_NAMESPACE) return reply;
  const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, annotations } };
  return api.write("POST", leases, lease);
}

// --- internal ---

function nodeOf(certificate: string): string | undefined {
  try {
    const { subject } = new X509Certificate(certificate);
    return /^CN=system:node:([a-z0-9.-]+)$/m.exec(subject)?.[1];
  } catch {
    // What is no certificate will be told of by whoever uses it.
    return undefined;
  }
}
