import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import type { DoctorReport, Finding } from "../../src/domain/finding.ts";
import type { StatusReport } from "../../src/domain/status.ts";
import { lvscareBinary, runLvscare } from "../kernel/support/lvscare.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { NodeShell } from "../node/support/node-shell.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { VIP } from "./support/cluster-nodes.ts";
import { clusterLacks, kubeProxyProgram } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";

// The programs may have to be built first.
setDefaultTimeout(40 * 60_000);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);

const [ETCD, OBSERVER, MASTER, NODE] = ["10.0.0.8", "10.0.0.9", "10.0.0.2", "10.0.0.20"] as const;
const [NAME, SERVICE] = ["here", "10.97.200.1"] as const;

test.skipIf(lacking !== undefined)(
  "a kube-proxy in IPVS mode is found, named, and kept from harm as doctor says; one in iptables mode does none",
  async () => {
    const program = await kubeProxyProgram();
    await using network = await SwitchedNetwork.create();
    await using plane = await ControlPlane.create(network, { etcd: ETCD, masters: [MASTER], names: [VIP] });
    await plane.start(MASTER);
    await register(plane);
    const observer = (await network.addHost(`${OBSERVER}/24`)).namespace;
    await using node = await NodeShell.start("uml", network, NODE, observer);
    await node.exec("sh", "-c", LEGACY_IPTABLES);
    // As every node has one, by which what is to be translated leaves.
    await node.exec("ip", "route", "add", "default", "via", OBSERVER);
    const kubeconfig = await plane.keys.kubeconfig("proxy", { name: "system:kube-proxy" }, `https://${MASTER}:6443`);
    const startProxy = async (mode: string, excludeCIDRs: readonly string[] = []): Promise<string> => {
      const file = join(plane.keys.folder, `proxy-${mode}-${excludeCIDRs.length}.conf`);
      await writeFile(file, JSON.stringify(proxyConfiguration(mode, kubeconfig, excludeCIDRs)));
      return node.leave("env", `PATH=${LEGACY_PATH}:/usr/sbin:/usr/bin:/sbin:/bin`, program, `--config=${file}`);
    };
    const endProxy = async (pid: string): Promise<void> => {
      await node.exec("kill", pid);
      await waitFor(
        () => node.run(["kill", "-0", pid]),
        ({ exitCode }) => exitCode !== 0,
      );
    };
    const care = `--vs ${VIP}:6443 --rs ${MASTER}:6443 --ip ${NODE} --interval 1 --health-schem kube-apiserver`;
    await node.leave(lvscareBinary(), "care", ...care.split(" "));
    await waitFor(
      () => answers(node, `${VIP}:6443`),
      (isSo) => isSo,
      PATIENT,
    );

    const careless = await startProxy("ipvs");
    await waitFor(
      () => repairs(node),
      (count) => count > 1,
      PATIENT,
    );
    expect(await aboutProxy(node)).toEqual([
      expect.objectContaining({ state: "ok", message: expect.stringContaining("is in IPVS mode") }),
      expect.objectContaining({
        state: "problem",
        message: "it deletes this virtual server again and again: its ipvs.excludeCIDRs are empty",
        remedy: expect.stringContaining(`add ${VIP}/32 to ipvs.excludeCIDRs`),
        virtualServer: `tcp ${VIP}:6443`,
      }),
    ]);
    await endProxy(careless);

    const careful = await startProxy("ipvs", [`${VIP}/32`]);
    await waitFor(
      () => syncs(node),
      (count) => count > 1,
      PATIENT,
    );
    const before = { repairs: await repairs(node), syncs: await syncs(node) };
    await waitFor(
      () => syncs(node),
      (count) => count > before.syncs + 2,
      PATIENT,
    );
    expect(await repairs(node)).toBe(before.repairs);
    expect((await aboutProxy(node)).map(({ state }) => state)).toEqual(["ok", "ok"]);
    // Its services, beside ours.
    expect([await answers(node, "10.97.0.1:443"), await answers(node, `${VIP}:6443`)]).toEqual([true, true]);
    const among = await findings(node, "service range", "--vs", "10.97.100.1:6443");
    expect(among.map(({ state, message }) => [state, message])).toEqual([
      ["note", "this address is among the addresses of services: the cluster may give it to a service at any time"],
    ]);
    await endProxy(careful);

    // As on a node that was moved to another mode without a new start.
    await node.exec("ip", "link", "delete", "kube-ipvs0");
    await node.exec("ipvsadm", "-D", "-t", "10.97.0.1:443");
    const other = await startProxy("iptables");
    await waitFor(
      () => answers(node, "10.97.0.1:443"),
      (isSo) => isSo,
      PATIENT,
    );
    expect(await answers(node, `${VIP}:6443`)).toBe(true);
    expect(await aboutProxy(node)).toEqual([
      expect.objectContaining({ state: "ok", message: expect.stringContaining("is in iptables mode") }),
    ]);
    await endProxy(other);

    // Where an API server runs, it is asked for its addresses.
    const { stdout } = await runLvscare(plane.namespaceOf(MASTER), ["doctor", "-o", "json", "--vs", "10.97.5.5:6443"]);
    expect(of(stdout, "service range").map(({ state, message }) => [state, message])).toEqual([
      ["note", "this address is in 10.97.0.0/16, from which the cluster may give it to a service at any time"],
    ]);
  },
);

// --- internal ---

/** The processor of the node has much to do. */
const PATIENT = { timeoutMs: 120_000, everyMs: 200 } as const;

/** The node's kernel has no tables of nftables, by which Debian's iptables works otherwise. */
const LEGACY_PATH = "/run/legacy-iptables";
const LEGACY_IPTABLES = `mkdir ${LEGACY_PATH} && cd ${LEGACY_PATH} && for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do ln -s /usr/sbin/xtables-legacy-multi $name || exit 1; done`;

/** The node, which kubelet would have registered, and a service. */
async function register(plane: ControlPlane): Promise<void> {
  const addresses = [{ type: "InternalIP", address: NODE }];
  const objects = [
    ["/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: NAME }, status: { addresses } }],
    [
      "/api/v1/namespaces/default/services",
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "shop", namespace: "default" },
        spec: { clusterIP: SERVICE, ports: [{ port: 80 }] },
      },
    ],
  ] as const;
  for (const [path, object] of objects) {
    const { stdout, exitCode } = await plane.ask(MASTER, path, object);
    expect(exitCode === 0 ? "" : stdout).toBe("");
  }
}

function proxyConfiguration(mode: string, kubeconfig: string, excludeCIDRs: readonly string[]): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode,
    hostnameOverride: NAME,
    clientConnection: { kubeconfig },
    ipvs: { syncPeriod: "3s", minSyncPeriod: "1s", ...(excludeCIDRs.length > 0 && { excludeCIDRs }) },
    iptables: { syncPeriod: "3s", minSyncPeriod: "1s" },
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}

async function answers(node: NodeShell, address: string): Promise<boolean> {
  const url = `https://${address}/version`;
  const { exitCode } = await node.run(["curl", "--silent", "--fail", "--insecure", "--max-time", "5", url]);
  return exitCode === 0;
}

async function repairs(node: NodeShell): Promise<number> {
  const { virtualServers } = JSON.parse(await node.exec(lvscareBinary(), "status", "-o", "json")) as StatusReport;
  return virtualServers.find(({ address }) => address === `${VIP}:6443`)?.daemon?.repairs ?? 0;
}

/** How often kube-proxy has made the kernel as it wants it. */
async function syncs(node: NodeShell): Promise<number> {
  const { stdout } = await node.run(["curl", "--silent", "--max-time", "5", "http://127.0.0.1:10249/metrics"]);
  const counts = stdout.matchAll(/^kubeproxy_sync_proxy_rules_duration_seconds_count\S* (\d+)/gm);
  return Array.from(counts, ([, count]) => Number(count)).reduce((all, count) => all + count, 0);
}

function aboutProxy(node: NodeShell): Promise<readonly Finding[]> {
  return findings(node, "kube-proxy");
}

async function findings(node: NodeShell, check: string, ...flags: readonly string[]): Promise<readonly Finding[]> {
  return of((await node.run([lvscareBinary(), "doctor", "-o", "json", ...flags])).stdout, check);
}

function of(report: string, check: string): readonly Finding[] {
  return (JSON.parse(report) as DoctorReport).findings.filter((finding) => finding.check === check);
}
