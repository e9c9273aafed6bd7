import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "bun:test";
import type { DoctorReport, Finding } from "../../../src/domain/finding.ts";
import type { StatusReport } from "../../../src/domain/status.ts";
import { lvscareBinary } from "../../kernel/support/lvscare.ts";
import type { NodeShell } from "../../node/support/node-shell.ts";
import { VIP } from "./cluster-nodes.ts";
import type { ControlPlane } from "./control-plane.ts";

/** The processor of a node that has a kube-proxy has much to do. */
export const PATIENT = { timeoutMs: 120_000, everyMs: 200 } as const;

/** Where the API of the cluster is as a service, which kube-proxy leads to. */
export const API_SERVICE = "10.97.0.1:443";

/** Has the cluster know a node, which kubelet would have registered, and a service that nobody is behind. */
export async function registerNode(plane: ControlPlane, master: string, node: string): Promise<void> {
  const addresses = [{ type: "InternalIP", address: node }];
  const object = { apiVersion: "v1", kind: "Node", metadata: { name: NAME }, status: { addresses } };
  await create(plane, master, "/api/v1/nodes", object);
  await addService(plane, master, "shop", "10.97.200.1");
}

/** A service that nobody is behind: kube-proxy has to do something. */
export function addService(plane: ControlPlane, master: string, name: string, clusterIP: string): Promise<void> {
  return create(plane, master, "/api/v1/namespaces/default/services", {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { clusterIP, ports: [{ port: 80 }] },
  });
}

/** Writes what a kube-proxy on that node is told, and returns its flags. */
export async function proxyFlags(
  plane: ControlPlane,
  master: string,
  mode: string,
  excludeCIDRs: readonly string[] = [],
): Promise<readonly string[]> {
  const { keys } = plane;
  const kubeconfig = await keys.kubeconfig("proxy", { name: "system:kube-proxy" }, `https://${master}:6443`);
  const file = join(keys.folder, `proxy-${mode}-${excludeCIDRs.length}.conf`);
  const pace = { syncPeriod: "3s", minSyncPeriod: "1s" };
  const configuration = {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode,
    hostnameOverride: NAME,
    clientConnection: { kubeconfig },
    ipvs: { ...pace, ...(excludeCIDRs.length > 0 && { excludeCIDRs }) },
    iptables: pace,
    nftables: pace,
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
  await writeFile(file, JSON.stringify(configuration));
  return [`--config=${file}`];
}

/** Has the node care for the virtual address of one master. */
export async function careFor(node: NodeShell, master: string): Promise<void> {
  const care = `--vs ${VIP}:6443 --rs ${master}:6443 --ip ${node.address} --interval 1 --health-schem kube-apiserver`;
  await node.leave(lvscareBinary(), "care", ...care.split(" "));
}

/** The API answers there, to a client on the node. */
export async function answers(node: NodeShell, address: string, withinS = 5): Promise<boolean> {
  const limit = ["--max-time", String(withinS)];
  const { exitCode } = await node.run([
    "curl",
    "--silent",
    "--fail",
    "--insecure",
    ...limit,
    `https://${address}/version`,
  ]);
  return exitCode === 0;
}

/** How often somebody else had changed what the daemon wants. */
export async function repairs(node: NodeShell): Promise<number> {
  const { virtualServers } = JSON.parse(await node.exec(lvscareBinary(), "status", "-o", "json")) as StatusReport;
  return virtualServers.find(({ address }) => address === `${VIP}:6443`)?.daemon?.repairs ?? 0;
}

/** How often kube-proxy has made the kernel as it wants it. */
export async function syncs(node: NodeShell): Promise<number> {
  const { stdout } = await node.run(["curl", "--silent", "--max-time", "30", "http://127.0.0.1:10249/metrics"]);
  const counts = stdout.matchAll(/^kubeproxy_sync_proxy_rules_duration_seconds_count\S* (\d+)/gm);
  return Array.from(counts, ([, count]) => Number(count)).reduce((all, count) => all + count, 0);
}

/** What doctor finds of kube-proxy. */
export function aboutProxy(node: NodeShell): Promise<readonly Finding[]> {
  return findings(node, "kube-proxy");
}

export async function findings(
  node: NodeShell,
  check: string,
  ...flags: readonly string[]
): Promise<readonly Finding[]> {
  return findingsOf((await node.run([lvscareBinary(), "doctor", "-o", "json", ...flags])).stdout, check);
}

export function findingsOf(report: string, check: string): readonly Finding[] {
  return (JSON.parse(report) as DoctorReport).findings.filter((finding) => finding.check === check);
}

// --- internal ---

const NAME = "here";

async function create(plane: ControlPlane, master: string, path: string, object: object): Promise<void> {
  const { stdout, exitCode } = await plane.ask(master, path, object);
  expect(exitCode === 0 ? "" : stdout).toBe("");
}
